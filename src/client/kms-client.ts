import { systemClock, type Clock } from '../lib/clock.ts';
import { productVersions } from '../ports/action.ts';
import type { CredentialProvider } from './credentials.ts';
import { KmsApi, type CallOptions, type Product } from './kms-api.ts';
import { mayRepeat } from './repeatable.ts';
import { retrying } from './retry.ts';
import { sendAction } from './send-action.ts';
import { createTransport, type Transport } from './transport.ts';

export type { CredentialProvider, RequestCredential } from './credentials.ts';
export { clientKeyCredentials, staticCredentials } from './credentials.ts';
export { openClientKeyFile, type OpenedClientKey } from '../crypto/client-key-file.ts';
export { isKmsClientError, KmsClientError } from './kms-client-error.ts';
export type { CallOptions, KmsOperations, Product } from './kms-api.ts';
export { callerIdentityCredentials, type CallerIdentityCredentialsOptions } from './caller-identity-credentials.ts';
export { oidcCredentials, type OidcCredentialsOptions } from './oidc-credentials.ts';

export interface KmsClientOptions {
  /** `https://host[:port]` of the KMS; STS and RAM answer there too. */
  endpoint: string;
  /** Trust anchors in PEM; the system's unless given. */
  caPem?: string | undefined;
  /** Region of the installation, such as `local`. */
  region: string;
  credentials: CredentialProvider;
  /** Connections to that endpoint, which credentials may use as well; its own unless given. Closed with the client. */
  transport?: Transport | undefined;
  /** Milliseconds for a call with its retries; 30,000 unless given. */
  deadlineMs?: number | undefined;
  /** 5 unless given. */
  maxAttempts?: number | undefined;
  /** Ends every call when it fires. */
  signal?: AbortSignal | undefined;
  clock?: Clock | undefined;
}

/**
 * Client of a Kaap KMS (or of Alibaba Cloud's). Signs with ACS3, keeps connections open, and repeats what may succeed
 * later, with growing, jittered waits. A write whose answer was lost is repeated only if the server knows it again, by a
 * ClientToken or a VersionId; otherwise it rejects, with `mayHaveActed`.
 *
 * @example
 * const client = new KmsClient({ endpoint, caPem, region: 'local', credentials: staticCredentials(accessKey) });
 * const { SecretData } = await client.getSecretValue({ SecretName: 'shop/database' });
 */
export class KmsClient extends KmsApi {
  readonly region: string;
  readonly #options: KmsClientOptions;
  readonly #transport: Transport;

  /** Throws TypeError when the endpoint is malformed. */
  constructor(options: KmsClientOptions) {
    super();
    this.region = options.region;
    this.#options = options;
    this.#transport = options.transport ?? createTransport(options);
  }

  override call(
    product: Product,
    action: string,
    parameters: Readonly<Record<string, unknown>>,
    options: CallOptions = {},
  ): Promise<Record<string, unknown>> {
    const limits = {
      deadlineMs: options.deadlineMs ?? this.#options.deadlineMs ?? 30_000,
      maxAttempts: this.#options.maxAttempts ?? 5,
      mayRepeat: (error: unknown) => mayRepeat(error, action, parameters),
      signal: joinSignals(options.signal, this.#options.signal),
    };
    return retrying(limits, async (signal) => {
      const credential = await this.#options.credentials.credential(signal);
      const request = { version: productVersions[product], action, parameters, credential, signal };
      return sendAction(this.#transport, this.#options.clock ?? systemClock, request);
    });
  }

  /** Closes kept-alive connections. Calls under way fail. */
  close(): void {
    this.#transport.close();
  }
}

function joinSignals(a: AbortSignal | undefined, b: AbortSignal | undefined): AbortSignal | undefined {
  return a !== undefined && b !== undefined ? AbortSignal.any([a, b]) : (a ?? b);
}
