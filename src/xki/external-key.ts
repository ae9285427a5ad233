import type { ExternalCiphertext } from '../crypto/xki-integrity.ts';

/** What a key of the owner may be used for. */
export type ExternalKeyUsage = 'ENCRYPT' | 'DECRYPT';

/** One AES-256 key of the owner, as the proxy works with it. */
export interface ExternalKey {
  readonly id: string;
  readonly status: 'ENABLED' | 'DISABLED';
  readonly usage: readonly ExternalKeyUsage[];
  encrypt(plaintext: Uint8Array, aad: Uint8Array): Promise<ExternalCiphertext>;
  /** Throws {@link import('./proxy-error.ts').ProxyError} `InvalidCiphertextException` for whatever does not authenticate. */
  decrypt(made: ExternalCiphertext, aad: Uint8Array): Promise<Buffer>;
}

/** Where the owner's keys are: a sealed file, or an HSM. */
export interface ExternalKeySource {
  /** How the health answer names it. */
  readonly vendor: string;
  readonly model: string;
  /** The key as it is now: a change by its owner counts within a second. */
  find(id: string): Promise<ExternalKey | undefined>;
  /** Whether keys can be used at all. */
  health(): Promise<'ACTIVE' | 'DEGRADED' | 'UNAVAILABLE'>;
  close(): Promise<void>;
}
