import { randomUUID, timingSafeEqual } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { signSigV4, type SigV4Credential } from '../crypto/sigv4.ts';
import { ciphertextDataIntegrityValue, type ExternalCiphertext } from '../crypto/xki-integrity.ts';
import type { Clock } from '../lib/clock.ts';
import { XkiCircuit } from './xki-circuit.ts';
import { hedged } from './xki-hedge.ts';
import type { XkiAnswer, XkiTransport } from './xki-transport.ts';

export interface XkiProxyClientOptions {
  transport: XkiTransport;
  /** Path before `/kms/xks/v1`, without a slash at the end. */
  prefix: string;
  credential: SigV4Credential;
  region: string;
  /** ARN of the account in whose name the proxy is asked. */
  principalArn: string;
  clock: Clock;
  /** Milliseconds between two looks at the proxy's health; 500 unless given. */
  healthIntervalMs?: number | undefined;
  /** Milliseconds for a call; {@link xkiBudgetMs} unless given, and more only where no client waits. */
  budgetMs?: number | undefined;
  /** Told when the proxy becomes Connected or Disconnected. */
  onConnection?: (connected: boolean) => void;
  /** Told of every call: `ok`, an errorName, or `unreachable`; and how long it took. */
  onCall?: (operation: string, result: string, seconds: number) => void;
}

/** The proxy answered with an error of the specification: it works, and refuses. */
export class XkiRefusalError extends Error {
  readonly errorName: string;

  constructor(errorName: string) {
    super(`The proxy answered ${errorName}.`);
    this.name = 'XkiRefusalError';
    this.errorName = errorName;
  }
}

/** The proxy does not work: it is Disconnected, did not answer within its time, or answered something else. */
export class XkiUnreachableError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'XkiUnreachableError';
  }
}

const base64 = z
  .string()
  .max(16_384)
  .regex(/^[A-Za-z0-9+/]*={0,2}$/)
  .transform((text) => Buffer.from(text, 'base64'));

const answers = {
  health: z.looseObject({
    ekmFleetDetails: z
      .array(z.looseObject({ healthStatus: z.enum(['ACTIVE', 'DEGRADED', 'UNAVAILABLE']) }))
      .min(1)
      .max(10),
  }),
  metadata: z.looseObject({
    keySpec: z.string(),
    keyUsage: z.array(z.string()).max(10),
    keyStatus: z.enum(['ENABLED', 'DISABLED']),
  }),
  encrypt: z.looseObject({
    ciphertext: base64,
    initializationVector: base64,
    authenticationTag: base64,
    ciphertextMetadata: base64.optional(),
    ciphertextDataIntegrityValue: base64,
  }),
  decrypt: z.looseObject({ plaintext: base64 }),
};

const errorBody = z.looseObject({ errorName: z.string().regex(/^[A-Za-z]{1,64}$/) });

/** Errors by which a proxy says that it does not work itself. */
const brokenNames: ReadonlySet<string> = new Set([
  'InternalException',
  'DependencyTimeoutException',
  'AuthenticationFailedException',
  'InvalidUriPathException',
]);

/** What the proxy says of a key. */
export interface ExternalKeyMetadata {
  keySpec: string;
  keyUsage: readonly string[];
  keyStatus: 'ENABLED' | 'DISABLED';
}

/** Speaks the XKS proxy API 1.0.3 with one proxy, within 250 ms a call, and knows whether it is Connected. */
export class XkiProxyClient {
  readonly #options: XkiProxyClientOptions;
  readonly #circuit: XkiCircuit;
  readonly #stopping = new AbortController();
  readonly #watching: Promise<void>;
  #seen = false;

  constructor(options: XkiProxyClientOptions) {
    this.#options = options;
    this.#circuit = new XkiCircuit((open) => options.onConnection?.(!open));
    this.#watching = this.#watch();
  }

  /** KMS GetKmsInstance, Status. */
  get status(): 'Uninitialized' | 'Connected' | 'Disconnected' {
    if (this.#circuit.open) return 'Disconnected';
    return this.#seen ? 'Connected' : 'Uninitialized';
  }

  metadata(keyId: string): Promise<ExternalKeyMetadata> {
    return this.#call('metadata', keyId, {});
  }

  /** Encrypts and compares the data integrity value; what does not fit it is no answer. */
  async encrypt(keyId: string, plaintext: Uint8Array, aad: Buffer): Promise<ExternalCiphertext> {
    const answer = await this.#call('encrypt', keyId, {
      plaintext: Buffer.from(plaintext).toString('base64'),
      encryptionAlgorithm: 'AES_GCM',
      additionalAuthenticatedData: aad.toString('base64'),
      ciphertextDataIntegrityValueAlgorithm: 'SHA_256',
    });
    const { ciphertext, initializationVector: iv, authenticationTag: tag, ciphertextMetadata: metadata } = answer;
    const made = { iv, ciphertext, tag, metadata };
    const expected = ciphertextDataIntegrityValue(aad, made);
    const given = answer.ciphertextDataIntegrityValue;
    const sized =
      ciphertext.length === plaintext.length &&
      (iv.length === 12 || iv.length === 16) &&
      tag.length === 16 &&
      (metadata?.length ?? 0) <= 20;
    if (sized && given.length === expected.length && timingSafeEqual(given, expected)) return made;
    throw new XkiUnreachableError('The answer of the proxy does not have the integrity value that it gives.');
  }

  async decrypt(keyId: string, { iv, ciphertext, tag, metadata }: ExternalCiphertext, aad: Buffer): Promise<Buffer> {
    const { plaintext } = await this.#call('decrypt', keyId, {
      ciphertext: base64Of(ciphertext),
      encryptionAlgorithm: 'AES_GCM',
      additionalAuthenticatedData: base64Of(aad),
      initializationVector: base64Of(iv),
      authenticationTag: base64Of(tag),
      ...(metadata !== undefined && metadata.length > 0 && { ciphertextMetadata: base64Of(metadata) }),
    });
    return plaintext;
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#watching;
    this.#options.transport.close();
  }

  async #call<Name extends 'metadata' | 'encrypt' | 'decrypt'>(
    operation: Name,
    keyId: string,
    fields: object,
  ): Promise<z.infer<(typeof answers)[Name]>> {
    if (this.#circuit.open) throw new XkiUnreachableError('The proxy is Disconnected.');
    const path = `/kms/xks/v1/keys/${keyId}/${operation}`;
    return (await this.#exchange(operation, path, fields)) as z.infer<(typeof answers)[Name]>;
  }

  async #exchange(operation: keyof typeof answers, path: string, fields: object): Promise<unknown> {
    const { clock, principalArn } = this.#options;
    const started = clock.monotonic();
    const requestMetadata = {
      awsPrincipalArn: principalArn,
      kmsKeyArn: principalArn,
      kmsOperation: `${operation.slice(0, 1).toUpperCase()}${operation.slice(1)}`,
      kmsRequestId: randomUUID(),
    };
    const body = JSON.stringify({ requestMetadata, ...fields });
    const report = (result: string): void =>
      this.#options.onCall?.(operation, result, (clock.monotonic() - started) / 1000);
    try {
      const decoded = decodeAnswer(
        operation,
        await hedged((signal) => this.#post(path, body, signal), this.#options.budgetMs),
      );
      this.#seen = true;
      this.#circuit.succeeded();
      report('ok');
      return decoded;
    } catch (error) {
      if (error instanceof XkiRefusalError && !brokenNames.has(error.errorName)) {
        this.#circuit.succeeded();
        report(error.errorName);
        throw error;
      }
      this.#circuit.failed();
      report(error instanceof XkiRefusalError ? error.errorName : 'unreachable');
      throw new XkiUnreachableError(error instanceof Error ? error.message : 'The proxy did not answer.', error);
    }
  }

  /** Answers that say "broken" count as failures, so that the second attempt is made. */
  async #post(path: string, body: string, signal: AbortSignal): Promise<XkiAnswer> {
    const { transport, prefix, credential, region, clock } = this.#options;
    const request = {
      method: 'POST',
      host: transport.host,
      path: `${prefix}${path}`,
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(body),
    };
    const headers = await signSigV4(request, credential, { region, service: 'kms-xks-proxy' }, clock.now());
    const sent = { ...headers, 'content-length': String(Buffer.byteLength(body)) };
    const answer = await transport.post(request.path, sent, body, signal);
    if (answer.status < 500) return answer;
    throw refusalOf(answer);
  }

  async #watch(): Promise<void> {
    const { healthIntervalMs = 500 } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const well = await this.#exchange('health', '/kms/xks/v1/health', {}).then(
        () => true,
        () => false,
      );
      // The first failure is looked at again at once: an outage shows within a second.
      const pauseMs = well || this.#circuit.open ? healthIntervalMs : 1;
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }
}

function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function refusalOf({ status, body }: XkiAnswer): Error {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    value = undefined;
  }
  const error = errorBody.safeParse(value);
  if (error.success) return new XkiRefusalError(error.data.errorName);
  return new XkiUnreachableError(`The proxy answered status ${status} without an error of its protocol.`);
}

function decodeAnswer(operation: keyof typeof answers, answer: XkiAnswer): unknown {
  if (answer.status !== 200) throw refusalOf(answer);
  let value: unknown;
  try {
    value = JSON.parse(answer.body.toString('utf8'));
  } catch (error) {
    throw new XkiUnreachableError('The proxy answered something else than JSON.', error);
  }
  const result = answers[operation].safeParse(value);
  if (!result.success) throw new XkiUnreachableError('The proxy left out or malformed a field of its answer.');
  if (operation === 'health') assertSomeActive(result.data as z.infer<(typeof answers)['health']>);
  return result.data;
}

function assertSomeActive({ ekmFleetDetails }: z.infer<(typeof answers)['health']>): void {
  if (ekmFleetDetails.some(({ healthStatus }) => healthStatus !== 'UNAVAILABLE')) return;
  throw new XkiUnreachableError('The proxy says that its key manager is UNAVAILABLE.');
}
