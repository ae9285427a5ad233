import { z } from 'zod';
import { ConfigError, readSettingFile } from '../lib/config.ts';
import { trustedServices, type ServiceAccountReference } from '../ports/access-point-directory.ts';

/** What `kms` is told about who is somebody, besides what RAM says. */
export interface AccessSettings {
  /** Service, such as `ecs.aliyuncs.com` → the service account that vouches for whoever runs on it. */
  serviceVouchers: ReadonlyMap<string, ServiceAccountReference>;
  /** The STS of another account that proves its callers; nobody is proven so without it. */
  callerIdentity: CallerIdentityConfig | undefined;
}

/** Where that STS is, who vouches for it, and the name of this installation in what callers sign. */
export interface CallerIdentityConfig {
  readonly url: URL;
  /** PEM. */
  readonly caPem: string;
  readonly audience: string;
}

/** Nobody but whom RAM says. */
export const noAccessSettings: AccessSettings = { serviceVouchers: new Map(), callerIdentity: undefined };

/** The environment variables, for the schema of the process. */
export const accessVariables: {
  KAAP_OIDC_PROVIDER: z.ZodDefault<z.ZodString>;
  KAAP_SERVICE_VOUCHERS: z.ZodDefault<z.ZodString>;
  KAAP_CALLER_IDENTITY_STS_URL: z.ZodOptional<z.ZodURL>;
  KAAP_CALLER_IDENTITY_CA_FILE: z.ZodOptional<z.ZodString>;
  KAAP_CALLER_IDENTITY_AUDIENCE: z.ZodOptional<z.ZodString>;
} = {
  KAAP_OIDC_PROVIDER: z.string().default('kubernetes'),
  KAAP_SERVICE_VOUCHERS: z.string().default(''),
  KAAP_CALLER_IDENTITY_STS_URL: z.url({ protocol: /^https$/, error: 'write an https URL' }).optional(),
  KAAP_CALLER_IDENTITY_CA_FILE: z.string().optional(),
  KAAP_CALLER_IDENTITY_AUDIENCE: z
    .string()
    .regex(/^[A-Za-z0-9._:/-]{4,128}$/, 'write a name of 4 to 128 letters, digits and . _ : / -')
    .optional(),
};

type Given = z.infer<z.ZodObject<typeof accessVariables>>;

/** @throws ConfigError */
export function readAccessSettings(given: Given): AccessSettings {
  const vouchers = given.KAAP_SERVICE_VOUCHERS.split(',').filter((text) => text.trim() !== '');
  return {
    serviceVouchers: new Map(vouchers.map((text) => serviceVoucher(text.trim(), given.KAAP_OIDC_PROVIDER))),
    callerIdentity: callerIdentityOf(given),
  };
}

/** `<service>=<namespace>:<service account>`, of the own cluster. */
function serviceVoucher(text: string, provider: string): [string, ServiceAccountReference] {
  const [, service = '', namespace = '', name = ''] = /^([a-z.]+)=([a-z0-9-]+):([a-z0-9.-]+)$/.exec(text) ?? [];
  if (Object.values(trustedServices).includes(service)) return [service, { provider, namespace, name }];
  throw new ConfigError(
    `KAAP_SERVICE_VOUCHERS: "${text}" is not understood. Write ecs.aliyuncs.com=<namespace>:<service account>.`,
  );
}

function callerIdentityOf(given: Given): CallerIdentityConfig | undefined {
  const { KAAP_CALLER_IDENTITY_STS_URL: text, KAAP_CALLER_IDENTITY_CA_FILE: caFile } = given;
  const { KAAP_CALLER_IDENTITY_AUDIENCE: audience } = given;
  if (text === undefined && caFile === undefined && audience === undefined) return undefined;
  if (text === undefined || caFile === undefined || audience === undefined) {
    throw new ConfigError(
      'Set KAAP_CALLER_IDENTITY_STS_URL, KAAP_CALLER_IDENTITY_CA_FILE and KAAP_CALLER_IDENTITY_AUDIENCE, or none of them.',
    );
  }
  const url = new URL(text);
  if (url.href !== `${url.origin}/`) {
    throw new ConfigError(
      'KAAP_CALLER_IDENTITY_STS_URL: write https://<host>[:<port>], without a path or anything else.',
    );
  }
  return { url, audience, caPem: readSettingFile('KAAP_CALLER_IDENTITY_CA_FILE', caFile) };
}
