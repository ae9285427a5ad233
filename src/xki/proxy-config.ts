import { z } from 'zod';
import { parse } from 'yaml';
import { ConfigError, readSettingFile } from '../lib/config.ts';
import type { SigV4Credential } from '../crypto/sigv4.ts';
import type { ProxyPrefix } from './handler.ts';

const keyId = z.string().regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/, 'write 1 to 128 letters, digits and . _ -');
const file = z.string().min(1);
const perSecond = z.int().min(0).max(1_000_000).default(0);

const credentialSchema = z.strictObject({
  accessKeyId: z.string().regex(/^[A-Z2-7]{20,30}$/, 'write 20 to 30 of A-Z and 2-7'),
  /** The secret itself is never in this file. */
  secretAccessKeyFile: file,
});

/** The sealed file of the keys, and for keys in an HSM the socket of the `hsm` process. */
export type KeysConfig =
  | { kind: 'file'; file: string; sealKeyFile: string }
  | { kind: 'pkcs11'; file: string; sealKeyFile: string; socket: string };

/** What `xki-proxy` is told, as its file says it. */
export interface ProxyConfig {
  listen: string;
  metricsListen: string;
  lingerSeconds: number;
  region: string;
  tls: { certificateFile: string; keyFile: string; clientCaFile?: string | undefined };
  auditDir: string;
  policyUrl?: string | undefined;
  policyCaFile?: string | undefined;
  rateLimit: { perCredential: number; perKey: number };
  keys: KeysConfig;
  prefixes: {
    path: string;
    credentials: { accessKeyId: string; secretAccessKeyFile: string }[];
    keyIds: string[];
  }[];
}

const schema: z.ZodType<ProxyConfig> = z.strictObject({
  listen: z.string().default(':8443'),
  metricsListen: z.string().default(':9090'),
  /** Seconds that it serves on once it is told to end, each answer being the last of its connection. */
  lingerSeconds: z.int().min(0).max(600).default(5),
  region: z
    .string()
    .regex(/^[a-z0-9-]{1,32}$/)
    .default('local'),
  tls: z.strictObject({ certificateFile: file, keyFile: file, clientCaFile: file.optional() }),
  auditDir: file,
  /** Asked about every call that names a key; see the policy hook. */
  policyUrl: z.url({ protocol: /^https?$/ }).optional(),
  /** Authorities that vouch for the policy engine; the public ones without it. */
  policyCaFile: file.optional(),
  /** Calls a second in the long run, twice as many at once; 0: any. */
  rateLimit: z.strictObject({ perCredential: perSecond, perKey: perSecond }).prefault({}),
  keys: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('file'), file, sealKeyFile: file }),
    z.strictObject({ kind: z.literal('pkcs11'), file, sealKeyFile: file, socket: file }),
  ]),
  prefixes: z
    .array(
      z.strictObject({
        path: z
          .string()
          .regex(/^(\/[A-Za-z0-9_-]+)*$/, 'write a path without a slash at the end')
          .max(117),
        credentials: z.array(credentialSchema).min(1).max(2),
        keyIds: z.array(keyId),
      }),
    )
    .min(1),
});

/** Reads the configuration of the proxy: YAML or JSON. Throws ConfigError, which names every fault. */
export function readProxyConfig(path: string): ProxyConfig {
  const result = schema.safeParse(parse(readSettingFile('KAAP_XKI_CONFIG', path)));
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new ConfigError(`${path} is not usable:\n  ${faults.join('\n  ')}`);
}

/** The logical key stores, with the secrets from their files. */
export function prefixesOf(config: ProxyConfig): ReadonlyMap<string, ProxyPrefix> {
  return new Map(
    config.prefixes.map(({ path, credentials, keyIds }) => [
      path,
      { region: config.region, credentials: credentials.map(credentialOf), keyIds: new Set(keyIds) },
    ]),
  );
}

function credentialOf({ accessKeyId, secretAccessKeyFile }: z.infer<typeof credentialSchema>): SigV4Credential {
  const secretAccessKey = readSettingFile('secretAccessKeyFile', secretAccessKeyFile);
  if (/^[A-Za-z0-9/+=]{43,64}$/.test(secretAccessKey)) return { accessKeyId, secretAccessKey };
  throw new ConfigError(`${secretAccessKeyFile} does not hold a secret of 43 to 64 letters, digits and / + =.`);
}
