import { parse } from 'yaml';
import { z } from 'zod';
import type { SigV4Credential } from '../crypto/sigv4.ts';
import { ConfigError, readSettingFile } from '../lib/config.ts';
import { parseAddressBlock } from '../policy/cidr.ts';

/** A Hardware instance: the socket of its `hsm` process. */
export interface HardwareInstanceConfig {
  id: string;
  type: 'Hardware';
  socket: string;
}

/** An External instance: its proxy, and how to prove who asks. */
export interface ExternalInstanceConfig {
  id: string;
  type: 'External';
  endpoint: string;
  /** Before `/kms/xks/v1`, without a slash at the end. */
  prefix: string;
  credential: SigV4Credential;
  region: string;
  certificateFingerprint: string | undefined;
  caPem: string | undefined;
  clientCertificate: { certPem: string; keyPem: string } | undefined;
  allowedNetworks: readonly string[];
}

export type InstanceConfig = { id: string; type: 'Software' } | HardwareInstanceConfig | ExternalInstanceConfig;

/** What an instance is called. */
export const instanceIdPattern: RegExp = /^kst-[a-z0-9]{4,64}$/;

const id = z.string().regex(instanceIdPattern, 'write kst- and 4 to 64 lower-case letters or digits');
const file = z.string().min(1);
const path = z
  .string()
  .regex(/^(\/[A-Za-z0-9_-]+)*$/, 'write a path of letters, digits, _ and -, without a slash at the end')
  .max(128);

const row = z.discriminatedUnion('type', [
  z.strictObject({ id, type: z.literal('Software') }),
  z.strictObject({ id, type: z.literal('Hardware'), socket: file }),
  z.strictObject({
    id,
    type: z.literal('External'),
    endpoint: z.string().regex(/^https:\/\/[A-Za-z0-9.-]+(:\d{1,5})?$/, 'write https:// and a host'),
    path: path.optional(),
    /** The file that the console takes. */
    configurationFile: file,
    certificateFingerprint: z
      .string()
      .regex(/^(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$/, 'write a SHA-256 fingerprint: 64 hex digits')
      .optional(),
    caFile: file.optional(),
    clientCertificateFile: file.optional(),
    clientKeyFile: file.optional(),
    region: z
      .string()
      .regex(/^[a-z0-9-]{1,32}$/)
      .default('local'),
    allowedNetworks: z.array(z.string()).default([]),
  }),
]);

const proxyFile = z.strictObject({
  XksProxyUriPath: path,
  XksProxyAuthenticationCredential: z.strictObject({
    AccessKeyId: z.string().regex(/^[A-Z2-7]{20,30}$/),
    RawSecretAccessKey: z.string().regex(/^[A-Za-z0-9/+=]{43,64}$/),
  }),
});

/** Reads the instances' file: YAML or JSON. Throws ConfigError, which names every fault and no value. */
export function readInstances(filePath: string): InstanceConfig[] {
  const value: unknown = parse(readSettingFile('KAAP_INSTANCES_FILE', filePath));
  const rows = parsed(z.array(row), value, filePath);
  return rows.map((instance) => (instance.type === 'External' ? externalInstance(instance) : instance));
}

function externalInstance(instance: Extract<z.infer<typeof row>, { type: 'External' }>): ExternalInstanceConfig {
  const { configurationFile, clientCertificateFile, clientKeyFile, caFile, allowedNetworks } = instance;
  const content: unknown = parse(readSettingFile(`${instance.id}: configurationFile`, configurationFile));
  const proxy = parsed(proxyFile, content, configurationFile);
  const { AccessKeyId, RawSecretAccessKey } = proxy.XksProxyAuthenticationCredential;
  for (const network of allowedNetworks) parseAddressBlock(network);
  const clientCertificate =
    clientCertificateFile === undefined || clientKeyFile === undefined
      ? undefined
      : {
          certPem: readSettingFile('clientCertificateFile', clientCertificateFile),
          keyPem: readSettingFile('clientKeyFile', clientKeyFile),
        };
  return {
    id: instance.id,
    type: 'External',
    endpoint: instance.endpoint,
    prefix: (instance.path ?? proxy.XksProxyUriPath).replace(/\/kms\/xks\/v1$/, ''),
    credential: { accessKeyId: AccessKeyId, secretAccessKey: RawSecretAccessKey },
    region: instance.region,
    certificateFingerprint: instance.certificateFingerprint,
    caPem: caFile === undefined ? undefined : readSettingFile('caFile', caFile),
    clientCertificate,
    allowedNetworks,
  };
}

function parsed<T>(schema: z.ZodType<T>, value: unknown, filePath: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new ConfigError(`${filePath} is not usable:\n  ${faults.join('\n  ')}`);
}
