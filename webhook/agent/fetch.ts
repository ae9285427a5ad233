import { followsCurrent, type Versions } from '../../src/api/version-mark.ts';
import { isKmsClientError } from '../../src/client/kms-client-error.ts';
import { isApiError, messageOf } from '../../src/lib/errors.ts';
import type { SecretBytes } from '../../src/lib/secret-bytes.ts';
import { Refusal } from '../refusal.ts';
import type { AgentBinding, AgentSource } from './agent-config.ts';
import { adviceFor, ruleOf } from './termination.ts';
import { describeSource, type SecretReader, type SourceValues } from './source-value.ts';

/** The KMS gave no usable answer; the same call may succeed later. */
export class UnreachableError extends Error {
  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'UnreachableError';
  }
}

/** All that one binding asks for. */
export interface Fetched {
  values: SourceValues;
  /** Of the secrets whose current version the binding takes. */
  versions: Versions;
}

/**
 * Gets all sources of a binding, or none (checklist G2). Rejects with a {@link Refusal} that names every source that
 * was refused, and by which rule, or with {@link UnreachableError} when only time can help.
 */
export async function fetchBinding(binding: AgentBinding, reader: SecretReader, signal: AbortSignal): Promise<Fetched> {
  const values = new Map<string, SecretBytes>();
  const versions: Record<string, string> = {};
  const failures: { source: AgentSource; error: unknown }[] = [];
  const readOne = async (source: AgentSource): Promise<void> => {
    try {
      const { bytes, versionId } = await reader.read(source, signal);
      values.set(source.name, bytes);
      if ('secretName' in source && followsCurrent(source) && versionId !== undefined) {
        versions[source.secretName] = versionId;
      }
    } catch (error) {
      failures.push({ source, error });
    }
  };
  await Promise.all(binding.sources.map(readOne));
  signal.throwIfAborted();
  const [first] = failures;
  if (first === undefined) return { values, versions };
  for (const value of values.values()) value.wipe();
  const refused = failures.filter(({ error }) => !mayPass(error));
  if (refused.length > 0)
    throw new Refusal(refused.map(({ source, error }) => refusalText(binding, source, error)).join('\n'));
  throw new UnreachableError(
    `SecretBinding ${binding.name}: ${describeSource(first.source)}: ${messageOf(first.error)}`,
    first.error,
  );
}

/** Whether waiting may help: no answer, or an answer that says so. Errors of the file system pass too (token not there yet). */
export function mayPass(error: unknown): boolean {
  if (error instanceof Refusal || isApiError(error)) return false;
  if (!isKmsClientError(error)) return true;
  return error.retryable || error.httpStatus === 0 || error.httpStatus >= 500 || error.code === 'InvalidResponse';
}

function refusalText(binding: AgentBinding, source: AgentSource, error: unknown): string {
  const what = `SecretBinding ${binding.name}: ${describeSource(source)}`;
  if (!isKmsClientError(error)) return `${what}: ${messageOf(error)}`;
  const request = error.requestId === undefined ? '' : ` (request ${error.requestId})`;
  return `${what} was refused with ${error.code}: ${error.message}${ruleOf(error.detail)}${request} ${adviceFor(error.code, binding.accessPoint)}`;
}
