import type { SecretBytes } from '../../src/lib/secret-bytes.ts';
import type { AgentBinding, AgentSecretSource, AgentSource } from './agent-config.ts';

/** What the KMS said last of each secret, by the name of the source. Opaque. */
export type KnownState = ReadonlyMap<string, string>;

export interface AnnouncedChange {
  changed: boolean;
  known: KnownState;
}

/** A secret's value with what belongs to it, in the spelling of KMS GetSecretValue. */
export interface SecretAnswer {
  SecretName: string;
  VersionId: string;
  VersionStages: { VersionStage: string[] };
  SecretData: string;
  /** `text`, or `binary`: SecretData is base64 then. */
  SecretDataType: string;
  /** RFC 3339. */
  CreateTime: string;
}

/** One version of a secret; the current one unless a stage or an id is given. */
export type SecretVersion = Pick<AgentSecretSource, 'secretName' | 'versionStage' | 'versionId'>;

/** What a source gave. */
export interface SourceValue {
  /** Exact. */
  bytes: SecretBytes;
  /** Of a secret. */
  versionId?: string;
}

/** Gets values from the KMS as the pod. */
export interface SecretReader {
  /** The value of a secret, or of a decrypted ciphertext. Rejects with a KmsClientError or a Refusal. */
  read(source: AgentSource, signal: AbortSignal): Promise<SourceValue>;
  /** The whole answer about a secret, for programs that ask for it. Rejects as `read` does. */
  answer(version: SecretVersion, signal: AbortSignal): Promise<SecretAnswer>;
  /**
   * Waits until one of the secrets may have another value than `known` stands for, at most `waitSeconds`. Rejects where
   * the KMS cannot be asked so; then values are to be asked for again. Absent: never known.
   */
  waitForChange?(
    sources: readonly AgentSecretSource[],
    known: KnownState,
    waitSeconds: number,
    signal: AbortSignal,
  ): Promise<AnnouncedChange>;
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
