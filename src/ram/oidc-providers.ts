import { z } from 'zod';
import { ApiError } from '../lib/errors.ts';
import type { FindOidcProvider } from '../ports/oidc-providers.ts';
import { readRecord, type Store, type Transaction, type ValueReader } from '../ports/store.ts';
import { scanBucket } from './bucket-scan.ts';
import { ramBuckets } from './buckets.ts';
import { encodeRecord, recordDecoder } from './record-codec.ts';

/** A registered OIDC provider. */
export interface OidcProviderRecord {
  name: string;
  issuer: string;
  description: string;
  clientIds: string[];
  /** Lower-case hex. */
  fingerprints: string[];
  /** Hours. */
  issuanceLimitHours: number;
  caPem?: string;
  /** JSON text. */
  jwks?: string;
  /** Milliseconds since the Unix epoch. */
  createTime: number;
  updateTime: number;
  /** Counts the changes. */
  revision: number;
}

const schema: z.ZodType<OidcProviderRecord> = z.object({
  name: z.string(),
  issuer: z.string(),
  description: z.string(),
  clientIds: z.array(z.string()),
  fingerprints: z.array(z.string()),
  issuanceLimitHours: z.number(),
  caPem: z.string().exactOptional(),
  jwks: z.string().exactOptional(),
  createTime: z.number(),
  updateTime: z.number(),
  revision: z.number(),
});

const decodeProvider = recordDecoder(schema);

const hourMs = 3_600_000;

export async function writeOidcProvider(transaction: Transaction, provider: OidcProviderRecord): Promise<void> {
  await transaction.put(ramBuckets.oidcProviders, provider.name, encodeRecord(provider));
}

/** The provider of that name, matched exactly. */
export async function findOidcProvider(reader: ValueReader, name: string): Promise<OidcProviderRecord | undefined> {
  return readRecord(reader, ramBuckets.oidcProviders, name, decodeProvider);
}

/** The same. @throws ApiError `EntityNotExist.OIDCProvider`. */
export async function loadOidcProvider(reader: ValueReader, name: string): Promise<OidcProviderRecord> {
  const provider = await findOidcProvider(reader, name);
  if (provider !== undefined) return provider;
  throw new ApiError('EntityNotExist.OIDCProvider', `There is no OIDC provider ${name}. See ListOIDCProviders.`);
}

/** Every provider, in the order of names. */
export async function allOidcProviders(reader: Pick<Store, 'scan'>): Promise<readonly OidcProviderRecord[]> {
  return (await scanBucket(reader, ramBuckets.oidcProviders)).map((entry) => decodeProvider(entry.value));
}

/** The registered providers, as STS asks for them. */
export function oidcProviderFinder(store: ValueReader): FindOidcProvider {
  return async (name) => {
    const record = await findOidcProvider(store, name);
    if (record === undefined) return undefined;
    const { issuer, clientIds, fingerprints, caPem, jwks, issuanceLimitHours, createTime, revision } = record;
    return {
      name,
      issuer,
      clientIds,
      fingerprints,
      ...(caPem === undefined ? {} : { caPem }),
      ...(jwks === undefined ? {} : { jwks }),
      issuanceLimitMs: issuanceLimitHours * hourMs,
      // Deleted and made anew is another one.
      revision: createTime + revision,
    };
  };
}
