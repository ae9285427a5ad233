import { z } from 'zod';
import { parseListenAddress, readConfig, type ListenAddress } from '../lib/config.ts';
import type { NodeRoleRules, PodRole } from '../metadata/entitlement.ts';
import { installationVariables, type Installation } from './installation.ts';

/** What `metadata` is told. */
export interface MetadataConfig extends Installation, NodeRoleRules {
  logLevel: string;
  endpoint: string;
  caFile: string;
  /** Projected token of this pod with the audience `kaap.dev/service/ecs.aliyuncs.com`. */
  tokenFile: string;
  oidcProvider: string;
  nodeName: string;
  /** Name of the node's role. Without one, only the pods' own roles are served. */
  roleName: string | undefined;
  listen: ListenAddress;
  metricsListen: ListenAddress;
  hardenedOnly: boolean;
  podRoles: readonly PodRole[];
}

const names = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  );

const podRole = z.strictObject({
  namespace: z.string(),
  serviceAccount: z.string(),
  roleName: z.string(),
  audience: z.string(),
});

const podRoles = z
  .string()
  .default('[]')
  .transform((text, context): readonly PodRole[] => {
    try {
      return z.array(podRole).parse(JSON.parse(text));
    } catch {
      const message = 'write a JSON list of {"namespace","serviceAccount","roleName","audience"}';
      context.addIssue({ code: 'custom', message });
      return [];
    }
  });

const schema = z.object({
  ...installationVariables,
  KAAP_ENDPOINT: z.url({ error: 'write the address of the KMS, such as https://kaap-kms.kaap-system.svc' }),
  KAAP_CA_FILE: z.string({ error: 'name the file with the certificate authority of the KMS' }),
  KAAP_TOKEN_FILE: z.string({ error: 'name the projected token with the audience kaap.dev/service/ecs.aliyuncs.com' }),
  KAAP_OIDC_PROVIDER: z.string().default('kubernetes'),
  KAAP_METADATA_LISTEN: z.string().default('100.100.100.200:80'),
  KAAP_METADATA_ROLE: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, 'write the name of a role')
    .optional(),
  KAAP_METADATA_HARDENED_ONLY: z.enum(['true', 'false']).default('false'),
  KAAP_METADATA_NAMESPACES: names,
  KAAP_METADATA_EXCLUDED_NAMESPACES: names,
  KAAP_METADATA_POD_ROLES: podRoles,
  KAAP_METRICS_LISTEN: z.string().default('127.0.0.1:9478'),
  NODE_NAME: z.string({ error: 'name the node of this pod' }),
});

/** Reads {@link MetadataConfig} from environment variables. Throws ConfigError, which names every fault. */
export function readMetadataConfig(environment: NodeJS.ProcessEnv): MetadataConfig {
  const given = readConfig(schema, environment);
  return {
    region: given.KAAP_REGION,
    accountId: given.KAAP_ACCOUNT_ID,
    logLevel: given.KAAP_LOG_LEVEL,
    endpoint: given.KAAP_ENDPOINT,
    caFile: given.KAAP_CA_FILE,
    tokenFile: given.KAAP_TOKEN_FILE,
    oidcProvider: given.KAAP_OIDC_PROVIDER,
    nodeName: given.NODE_NAME,
    roleName: given.KAAP_METADATA_ROLE,
    listen: parseListenAddress(given.KAAP_METADATA_LISTEN),
    metricsListen: parseListenAddress(given.KAAP_METRICS_LISTEN),
    hardenedOnly: given.KAAP_METADATA_HARDENED_ONLY === 'true',
    namespaces: given.KAAP_METADATA_NAMESPACES,
    excludedNamespaces: given.KAAP_METADATA_EXCLUDED_NAMESPACES,
    podRoles: given.KAAP_METADATA_POD_ROLES,
  };
}
