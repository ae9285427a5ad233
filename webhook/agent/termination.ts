import { writeFileSync } from 'node:fs';

/** Where the kubelet looks for the last words of a container. */
export const terminationLogPath = '/dev/termination-log';

/** The kubelet keeps no more, in bytes. */
const maxMessageBytes = 4096;

/** What to do about an error code of KMS and STS, by the beginning of the code. The first row that fits counts. */
const advice: readonly [prefix: string, text: (accessPoint: string) => string][] = [
  ['Forbidden.ResourceNotFound', () => 'Create the secret, or correct its name in the SecretBinding.'],
  ['Forbidden.KeyNotFound', () => 'The key of this secret or ciphertext does not exist any more.'],
  [
    'Forbidden.',
    (name) =>
      `Let a policy of the access point ${name} allow it (RbacPolicy, spec.resources), or ask for something else.`,
  ],
  ['NoPermission', (name) => `Let a policy of the access point ${name} allow it.`],
  ['EntityNotExist.Role', (name) => `Check that the ApplicationAccessPoint ${name} is Ready.`],
  [
    'AuthenticationFail',
    (name) => `Check that the ApplicationAccessPoint ${name} lists the service account of this pod and is Ready.`,
  ],
  ['InvalidCiphertext', () => 'Check the encryption context, and that the ciphertext was made by this KMS.'],
  ['Rejected.', () => 'Enable or restore what was disabled or scheduled for deletion.'],
  ['InvalidAccessKeyId', (name) => `Check that the client key of the access point ${name} has not been revoked.`],
  ['', () => 'See the log of the KMS for this request.'],
];

/** One sentence on what to do about an error code. */
export function adviceFor(code: string, accessPoint: string): string {
  return advice.find(([prefix]) => code.startsWith(prefix))?.[1](accessPoint) ?? '';
}

/** The rule that refused, as AccessDeniedDetail tells it. */
export function ruleOf(detail: Readonly<Record<string, string>> | undefined): string {
  const entries = Object.entries(detail ?? {}).filter(([, value]) => typeof value === 'string' && value !== '');
  return entries.length === 0 ? '' : ` [${entries.map(([key, value]) => `${key}: ${value}`).join('; ')}]`;
}

/** The beginning of a message that fits into a container's last words, cut between characters. */
export function terminationMessage(reason: string): string {
  const bytes = Buffer.from(reason, 'utf8');
  if (bytes.length <= maxMessageBytes) return reason;
  return new TextDecoder().decode(bytes.subarray(0, maxMessageBytes - 4), { stream: true }) + '…';
}

/** Leaves the reason where `kubectl describe pod` shows it. Does nothing where there is no such place. */
export function leaveTerminationMessage(reason: string, path: string = terminationLogPath): void {
  try {
    writeFileSync(path, terminationMessage(reason), { flag: 'r+' });
  } catch {
    // Outside a container: the reason is on standard error all the same.
  }
}
