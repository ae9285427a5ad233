import type { SecretBytes } from '../../src/lib/secret-bytes.ts';
import type { AgentBinding, AgentSource } from './agent-config.ts';

/** Gets values from the KMS as the pod. */
export interface SecretReader {
  /** The exact bytes of a secret, or of a decrypted ciphertext. Rejects with a KmsClientError or a Refusal. */
  read(source: AgentSource, signal: AbortSignal): Promise<SecretBytes>;
  /** Gives up connections. */
  close(): void;
}

/** Makes the reader of a binding: one identity each. */
export type ReaderFactory = (binding: AgentBinding) => SecretReader;

/** The values of one binding by source name. Always complete. */
export type SourceValues = ReadonlyMap<string, SecretBytes>;

/** Where the agent's log lines go. Fields first, as with pino, which fits; fields never hold a value. */
export interface AgentLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** How people know a source: by the secret's name, or as a ciphertext of the binding. */
export function describeSource(source: AgentSource): string {
  return 'secretName' in source ? `the secret ${source.secretName}` : `the ciphertext of the source ${source.name}`;
}
