import { createPrivateKey, createPublicKey, hash } from 'node:crypto';
import { generatePrivateKey } from '../crypto/key-pair.ts';
import { envelopeAlgorithmNames, keyEnvelopes, type EnvelopeAlgorithmName } from '../crypto/key-envelope.ts';
import type { KeySpecRow } from '../crypto/key-specs.ts';
import {
  wrappingAlgorithmNames,
  wrappingAlgorithms,
  wrappingPairs,
  type WrappingAlgorithmName,
  type WrappingKeySpec,
} from '../crypto/key-wrapping.ts';
import { ApiError } from '../lib/errors.ts';
import type { Transaction } from '../ports/store.ts';
import type { KmsDependencies } from './dependencies.ts';
import { importTokenTable, type ImportTokenRecord } from './records/import-token.ts';
import type { Reader } from './records/record-table.ts';

const validMs = 24 * 3_600_000;
/** As long as that, a token that has expired is told from one that never was. */
const rememberedMs = 7 * validMs;
const tokenBytes = 256;
/** Tokens of one key at a time; the one that expires first makes room. */
const maxTokens = 10;
/**
 * Refusals until a token is void. An honest caller needs none; whoever wants to learn from refusals what a wrapped key
 * holds (Bleichenbacher) needs thousands.
 */
const maxFailures = 5;

/** Ways to wrap material on its way in: symmetric keys by themselves, private keys in an envelope. */
export type ImportAlgorithmName = WrappingAlgorithmName | EnvelopeAlgorithmName;
export const importAlgorithmNames: readonly [ImportAlgorithmName, ...ImportAlgorithmName[]] = [
  ...wrappingAlgorithmNames,
  ...envelopeAlgorithmNames,
];
const importAlgorithms = { ...wrappingAlgorithms, ...keyEnvelopes };

/** The algorithms for material of a key spec under a wrapping key of that kind. */
export function importAlgorithmsOf(row: KeySpecRow, wrappingKey: WrappingKeySpec): readonly ImportAlgorithmName[] {
  const names = row.form === 'asymmetric' ? envelopeAlgorithmNames : wrappingAlgorithmNames;
  return names.filter((name) => importAlgorithms[name].keySpec === wrappingKey);
}

type Dependencies = Pick<KmsDependencies, 'store' | 'clock' | 'random'>;

/** What GetParametersForImport hands out. */
export interface ImportParameters {
  /** Base64. */
  readonly token: string;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
  /** Milliseconds since the Unix epoch. */
  readonly expireTime: number;
}

/** Makes a key pair for one import, and the token that stands for it for 24 hours. */
export async function issueImportToken(
  { store, clock, random }: Dependencies,
  keyId: string,
  algorithm: ImportAlgorithmName,
): Promise<ImportParameters> {
  const pair = await generatePrivateKey(wrappingPairs[importAlgorithms[algorithm].keySpec]);
  const token = random(tokenBytes).toString('base64');
  const expireTime = clock.now() + validMs;
  const privateKey = pair.export({ format: 'der', type: 'pkcs8' });
  const record = { algorithm, privateKey: privateKey.toString('base64'), expireTime, failures: 0 };
  privateKey.fill(0);
  await store.transact(async (transaction) => {
    const others = await importTokenTable.all(transaction, `${keyId}/`);
    const ordered = others.toSorted((a, b) => a.record.expireTime - b.record.expireTime);
    const surplus = ordered.slice(0, Math.max(0, others.length - maxTokens + 1));
    for (const { key } of surplus) await importTokenTable.delete(transaction, key);
    await importTokenTable.put(transaction, rowOf(keyId, token), record);
  });
  return { token, publicKey: createPublicKey(pair).export({ format: 'der', type: 'spki' }), expireTime };
}

/** The token of that key. Throws `InvalidImportToken` for any other text, `ExpiredImportToken` after 24 hours. */
export async function findImportToken(
  reader: Pick<Reader, 'get'>,
  keyId: string,
  token: string,
  now: number,
): Promise<ImportTokenRecord> {
  const record = await importTokenTable.get(reader, rowOf(keyId, token));
  const again = 'Call GetParametersForImport again, and wrap the material with the public key that it gives.';
  if (record === undefined) {
    throw new ApiError(
      'InvalidImportToken',
      `The ImportToken is none of key ${keyId}, or has been refused too often. ${again}`,
    );
  }
  if (now < record.expireTime) return record;
  throw new ApiError('ExpiredImportToken', `The ImportToken has expired; it is valid for 24 hours. ${again}`);
}

/** What was wrapped for a token; nothing, or bytes of no meaning, when it was not wrapped for it. */
export function unwrapForToken({ algorithm, privateKey }: ImportTokenRecord, wrapped: Buffer): Buffer | undefined {
  const der = Buffer.from(privateKey, 'base64');
  try {
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    return importAlgorithms[algorithm].unwrap(key, wrapped);
  } finally {
    der.fill(0);
  }
}

/** Counts a refusal of what came with the token. After the last one the token is void. */
export async function countRefusal(
  { store }: Pick<Dependencies, 'store'>,
  keyId: string,
  token: string,
): Promise<void> {
  const row = rowOf(keyId, token);
  await store.transact(async (transaction) => {
    const record = await importTokenTable.get(transaction, row);
    if (record === undefined) return;
    record.failures += 1;
    if (record.failures >= maxFailures) await importTokenTable.delete(transaction, row);
    else await importTokenTable.put(transaction, row, record);
  });
}

/** Removes the tokens of a key that goes. */
export async function removeImportTokens(transaction: Transaction, keyId: string): Promise<void> {
  for (const { key } of await importTokenTable.all(transaction, `${keyId}/`)) {
    await importTokenTable.delete(transaction, key);
  }
}

/** Removes the tokens that expired some days ago. */
export async function sweepImportTokens({ store, clock }: Pick<Dependencies, 'store' | 'clock'>): Promise<void> {
  const limit = clock.now() - rememberedMs;
  for (const { key, record } of await importTokenTable.all(store)) {
    if (record.expireTime > limit) continue;
    await store.transact((transaction) => importTokenTable.delete(transaction, key));
  }
}

function rowOf(keyId: string, token: string): string {
  return `${keyId}/${hash('sha256', token, 'hex')}`;
}
