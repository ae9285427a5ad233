import { hostname } from 'node:os';
import { z } from 'zod';
import type { RateLimits } from '../gateway/rate-limit.ts';
import { ConfigError, parseListenAddress, readConfig, readSettingFile, type ListenAddress } from '../lib/config.ts';
import { accessVariables, readAccessSettings, type AccessSettings } from './access-config.ts';
import { auditVariables, readAuditSettings, type AuditConfig } from './audit-config.ts';
import { instanceIdPattern, readInstances, type InstanceConfig } from './instances-config.ts';
import { readRotationHook, rotationHookVariables, type RotationHookConfig } from './rotation-hook-config.ts';
import { installationVariables, type Installation } from './installation.ts';
import { readSeal, sealVariables, type SealConfig } from './seal-config.ts';

/** What `kms` is told. */
export interface KmsConfig extends Installation, AccessSettings {
  logLevel: string;
  listen: ListenAddress;
  metricsListen: ListenAddress;
  /** Seconds that it serves on once it is told to end. */
  lingerSeconds: number;
  /** Folder of the store, the audit log and, without `caDir`, the certificate authority. */
  dataDir: string;
  /** What wraps the root key of the store. */
  seal: SealConfig;
  /** URL of the PostgreSQL database that keeps the state, or a file with it; without it, SQLite in `dataDir`. */
  database: { url: string } | { file: string } | undefined;
  audit: AuditConfig;
  /** File that names what was deleted for good, best on another disk; `tombstones.jsonl` in `dataDir` without it. */
  tombstoneJournal: string | undefined;
  /** Name of this replica among those of one database; a restart keeps it. */
  replica: string;
  /** Folder with `ca.crt` and `ca.key`, from which the serving certificate is issued. */
  caDir: string | undefined;
  /** DNS names and IP addresses in the serving certificate. */
  servingNames: readonly string[];
  /** Name of the OIDC provider that stands for the own cluster. */
  oidcProvider: string;
  /** Whether tokens of that provider are verified by TokenReview in the own cluster. */
  tokenReview: boolean;
  /** `<namespace>:<name>` of the service account that may assume the role kaap-operator. */
  operatorServiceAccount: string | undefined;
  instances: readonly InstanceConfig[];
  trustedProxies: readonly string[];
  /** What changes credentials where they are used when their secrets rotate; nothing is called without it. */
  rotationHook: RotationHookConfig | undefined;
  rateLimits: RateLimits;
}

const listOf = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

const perSecond = z.coerce.number({ error: 'write requests per second, or 0 for no limit' }).int().min(0).default(0);

const schema = z.object({
  ...installationVariables,
  ...accessVariables,
  KAAP_LISTEN: z.string().default(':8443'),
  KAAP_METRICS_LISTEN: z.string().default(':9090'),
  KAAP_LINGER_SECONDS: z.coerce.number({ error: 'write seconds, 0 to 600' }).int().min(0).max(600).default(5),
  KAAP_DATA_DIR: z.string({ error: 'name the folder that keeps the state, such as /var/lib/kaap' }),
  ...sealVariables,
  KAAP_DATABASE_URL: z.string().optional(),
  KAAP_DATABASE_URL_FILE: z.string().optional(),
  ...auditVariables,
  KAAP_TOMBSTONE_JOURNAL: z.string().optional(),
  KAAP_REPLICA: z.string().optional(),
  KAAP_CA_DIR: z.string().optional(),
  KAAP_SERVING_NAMES: z.string().default('localhost,127.0.0.1'),
  KAAP_TOKEN_REVIEW: z.enum(['true', 'false']).default('false'),
  KAAP_OPERATOR_SERVICE_ACCOUNT: z
    .string()
    .regex(/^[a-z0-9-]+:[a-z0-9.-]+$/, 'write <namespace>:<service account>')
    .optional(),
  KAAP_INSTANCES: z.string().default(''),
  KAAP_INSTANCES_FILE: z.string().optional(),
  KAAP_TRUSTED_PROXIES: z.string().default(''),
  ...rotationHookVariables,
  KAAP_RATE_LIMIT_PER_CALLER: perSecond,
  KAAP_RATE_LIMIT_PER_ADDRESS: perSecond,
});

/** Reads {@link KmsConfig} from environment variables. Throws ConfigError, which names every fault. */
export function readKmsConfig(environment: NodeJS.ProcessEnv): KmsConfig {
  const given = readConfig(schema, environment);
  return {
    ...readAccessSettings(given),
    region: given.KAAP_REGION,
    accountId: given.KAAP_ACCOUNT_ID,
    logLevel: given.KAAP_LOG_LEVEL,
    listen: parseListenAddress(given.KAAP_LISTEN),
    metricsListen: parseListenAddress(given.KAAP_METRICS_LISTEN),
    lingerSeconds: given.KAAP_LINGER_SECONDS,
    dataDir: given.KAAP_DATA_DIR,
    seal: readSeal(given),
    database: databaseOf(given.KAAP_DATABASE_URL, given.KAAP_DATABASE_URL_FILE),
    audit: readAuditSettings(given),
    tombstoneJournal: given.KAAP_TOMBSTONE_JOURNAL,
    replica: given.KAAP_REPLICA ?? hostname(),
    caDir: given.KAAP_CA_DIR,
    servingNames: listOf(given.KAAP_SERVING_NAMES),
    oidcProvider: given.KAAP_OIDC_PROVIDER,
    tokenReview: given.KAAP_TOKEN_REVIEW === 'true',
    operatorServiceAccount: given.KAAP_OPERATOR_SERVICE_ACCOUNT,
    instances: instancesOf(listOf(given.KAAP_INSTANCES), given.KAAP_INSTANCES_FILE),
    trustedProxies: listOf(given.KAAP_TRUSTED_PROXIES),
    rotationHook: readRotationHook(given),
    rateLimits: {
      callerPerSecond: given.KAAP_RATE_LIMIT_PER_CALLER,
      anonymousPerSecond: given.KAAP_RATE_LIMIT_PER_ADDRESS,
    },
  };
}

/** The URL of the database; undefined when the state is in a file. Throws ConfigError when its file cannot be read. */
export function databaseUrlOf({ database }: Pick<KmsConfig, 'database'>): string | undefined {
  if (database === undefined || 'url' in database) return database?.url;
  return readSettingFile('KAAP_DATABASE_URL_FILE', database.file);
}

function databaseOf(url: string | undefined, file: string | undefined): KmsConfig['database'] {
  if (url !== undefined && file !== undefined) {
    throw new ConfigError('Set KAAP_DATABASE_URL or KAAP_DATABASE_URL_FILE, not both.');
  }
  if (url !== undefined) return { url };
  return file === undefined ? undefined : { file };
}

/** Software instances by their ids, and those of the file. */
function instancesOf(ids: readonly string[], file: string | undefined): InstanceConfig[] {
  const instances = [...ids.map(softwareInstance), ...(file === undefined ? [] : readInstances(file))];
  const twice = instances.find(({ id }, at) => instances.findIndex((other) => other.id === id) !== at);
  if (twice !== undefined) throw new ConfigError(`The instance ${twice.id} is configured twice.`);
  return instances;
}

function softwareInstance(id: string): InstanceConfig {
  if (instanceIdPattern.test(id)) return { id, type: 'Software' };
  throw new ConfigError(`KAAP_INSTANCES: "${id}" is not an instance id. Write kst- and 4 to 64 letters or digits.`);
}
