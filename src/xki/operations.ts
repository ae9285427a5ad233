import { timingSafeEqual } from 'node:crypto';
import { bindMetadata, ciphertextDataIntegrityValue, type ExternalCiphertext } from '../crypto/xki-integrity.ts';
import type { ExternalKey, ExternalKeySource, ExternalKeyUsage } from './external-key.ts';
import { ProxyError } from './proxy-error.ts';
import { bodies, decodeBody, type Operation, type RequestMetadata } from './requests.ts';

/** What an operation works on. */
export interface OperationContext {
  readonly keys: ExternalKeySource;
  readonly body: Buffer;
  /** Absent for `health`. */
  readonly keyId: string | undefined;
  /** Refuses keys that the prefix does not have, and what the owner's policy denies. */
  authorize(metadata: RequestMetadata): Promise<void>;
}

type Answer = Record<string, unknown>;
const none = Buffer.alloc(0);

/** How many processes answer behind one address; the owner's load balancer knows better. */
const fleetSize = 1;

async function health({ keys, body }: OperationContext): Promise<Answer> {
  decodeBody(bodies.health, body);
  return {
    xksProxyFleetSize: fleetSize,
    xksProxyVendor: 'Kaap',
    xksProxyModel: 'kaap-xki-proxy',
    ekmVendor: keys.vendor,
    ekmFleetDetails: [{ id: keys.model, model: keys.model, healthStatus: await keys.health() }],
  };
}

async function metadata(context: OperationContext): Promise<Answer> {
  const { requestMetadata } = decodeBody(bodies.metadata, context.body);
  await context.authorize(requestMetadata);
  const { usage, status } = await findKey(context);
  return { keySpec: 'AES_256', keyUsage: usage, keyStatus: status };
}

async function encrypt(context: OperationContext): Promise<Answer> {
  const request = decodeBody(bodies.encrypt, context.body);
  const { plaintext, additionalAuthenticatedData: aad = none } = request;
  await context.authorize(request.requestMetadata);
  const wantsIntegrity = request.ciphertextDataIntegrityValueAlgorithm !== undefined;
  const key = await usableKey(context, wantsIntegrity ? ['ENCRYPT', 'DECRYPT'] : ['ENCRYPT']);
  try {
    const made = await key.encrypt(plaintext, bindMetadata(aad));
    const answer = {
      ciphertext: base64(made.ciphertext),
      initializationVector: base64(made.iv),
      authenticationTag: base64(made.tag),
    };
    if (!wantsIntegrity) return answer;
    return { ...answer, ciphertextDataIntegrityValue: await integrityOf(key, made, plaintext, aad) };
  } finally {
    plaintext.fill(0);
  }
}

/** Computed before the ciphertext is tried: what happens to it afterwards shows at the caller. */
async function integrityOf(
  key: ExternalKey,
  made: ExternalCiphertext,
  plaintext: Buffer,
  aad: Uint8Array,
): Promise<string> {
  const value = ciphertextDataIntegrityValue(aad, made);
  const again = await key.decrypt(made, bindMetadata(aad)).catch(() => none);
  const same = again.length === plaintext.length && timingSafeEqual(again, plaintext);
  again.fill(0);
  if (!same) throw new ProxyError('InternalException', 'The key did not decrypt what it had just encrypted.');
  return base64(value);
}

async function decrypt(context: OperationContext): Promise<Answer> {
  const request = decodeBody(bodies.decrypt, context.body);
  await context.authorize(request.requestMetadata);
  const key = await usableKey(context, ['DECRYPT']);
  const { additionalAuthenticatedData: aad = none, ciphertextMetadata } = request;
  const made = {
    iv: request.initializationVector,
    ciphertext: request.ciphertext,
    tag: request.authenticationTag,
    metadata: ciphertextMetadata,
  };
  const plaintext = await key.decrypt(made, bindMetadata(aad, ciphertextMetadata));
  const answer = { plaintext: base64(plaintext) };
  plaintext.fill(0);
  return answer;
}

async function findKey({ keys, keyId = '' }: OperationContext): Promise<ExternalKey> {
  const key = await keys.find(keyId);
  if (key !== undefined) return key;
  throw new ProxyError('KeyNotFoundException', `There is no key ${keyId} here.`);
}

async function usableKey(context: OperationContext, usages: readonly ExternalKeyUsage[]): Promise<ExternalKey> {
  const key = await findKey(context);
  const missing = usages.filter((usage) => !key.usage.includes(usage));
  if (missing.length > 0) {
    throw new ProxyError('InvalidKeyUsageException', `Key ${key.id} may not be used to ${missing.join(' and ')}.`);
  }
  if (key.status === 'ENABLED') return key;
  throw new ProxyError('InvalidStateException', `Key ${key.id} is DISABLED.`);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}

/** The four calls of the specification. */
export const operations: Readonly<Record<Operation, (context: OperationContext) => Promise<Answer>>> = {
  health,
  metadata,
  encrypt,
  decrypt,
};
