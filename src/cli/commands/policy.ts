import { InvalidArgumentError, type Command } from 'commander';
import { stringify } from 'yaml';
import { suggestPolicy, type Beneficiary, type RecordedCall, type Suggestion } from '../../policy/suggest-policy.ts';
import { queryAuditLog } from '../../storage/audit-query.ts';
import { readAuditLines } from '../../storage/audit-segments.ts';
import { standardOutput, type Output } from '../output.ts';
import { instant } from './audit.ts';

/** What `kaap policy suggest` takes. */
export interface SuggestOptions {
  includeDenied?: boolean;
  /** Name of an access point's role. */
  roleName?: string;
  /** Scope of the RbacPolicy: `shared`, or the id of a KMS instance. */
  scope: string;
  /** Milliseconds since the Unix epoch. */
  since?: number;
  until?: number;
}

/** `kaap policy suggest`: works on the files of the audit log, also without a running KMS. */
export function registerPolicy(program: Command): void {
  program
    .command('policy')
    .description('propose policies')
    .command('suggest')
    .description('print the tightest policy that allows what somebody did, from the audit log')
    .argument('<principal>', 'user/NAME, role/NAME or applicationaccesspoint/NAME', beneficiary)
    .argument('<folders...>', 'folders of the logs, <data folder>/audit; each replica has one')
    .option('--include-denied', 'take in what was denied, or would have been in Shadow mode')
    .option('--role-name <name>', 'role of the access point, where it has another name')
    .option('--scope <scope>', 'scope of the RbacPolicy: shared, or the id of a KMS instance', 'shared')
    .option('--since <time>', 'ISO 8601 time, inclusive', instant)
    .option('--until <time>', 'ISO 8601 time, exclusive', instant)
    .action((principal: Beneficiary, folders: string[], options: SuggestOptions) =>
      suggest(standardOutput, principal, folders, options),
    );
}

/** Prints manifests of RbacPolicies or RamPolicies, which `kubectl apply` takes; what was left out stands in comments. */
export async function suggest(
  output: Output,
  principal: Beneficiary,
  folders: readonly string[],
  { since, until, scope, roleName, includeDenied = false }: SuggestOptions,
): Promise<void> {
  const calls: RecordedCall[] = [];
  const filter = { ...(since !== undefined && { since }), ...(until !== undefined && { until }) };
  for (const folder of folders) {
    for await (const { event } of queryAuditLog(readAuditLines(folder), filter)) calls.push(event);
  }
  const who = roleName === undefined ? principal : { ...principal, roleName };
  for (const line of printSuggestion(suggestPolicy(calls, who, { includeDenied }), principal, scope)) output.line(line);
}

function printSuggestion(suggestion: Suggestion, { kind, name }: Beneficiary, scope: string): string[] {
  const specs = [
    ...suggestion.grants.map((grant) => ({ kind: 'RbacPolicy', spec: { scope, ...grant } })),
    ...suggestion.documents.map((document) => ({
      kind: 'RamPolicy',
      spec: { document: JSON.stringify(document, undefined, 2) },
    })),
  ];
  const manifests = specs.map(({ kind: policyKind, spec }, index) => {
    const suffix = index === 0 ? '' : `-${index + 1}`;
    const metadata = { name: `${name.toLowerCase().replaceAll(/[^a-z0-9-]+/g, '-')}-suggested${suffix}` };
    return stringify({ apiVersion: 'kaap.dev/v1alpha1', kind: policyKind, metadata, spec }, { lineWidth: 0 }).trimEnd();
  });
  const head = `# Suggested for ${kind}/${name} from ${suggestion.calls} recorded calls.`;
  const none = manifests.length === 0 ? ['# Nothing to allow.'] : [];
  const leftOut = suggestion.leftOut.map(
    ({ call, calls, why }) => `#   ${JSON.stringify(call)} (${calls} calls): ${why}`,
  );
  return [
    head,
    ...none,
    ...(leftOut.length === 0 ? [] : ['# Left out:', ...leftOut]),
    ...manifests.join('\n---\n').split('\n'),
  ];
}

function beneficiary(text: string): Beneficiary {
  const [, kind, name] = /^(user|role|applicationaccesspoint)\/([^/]+)$/.exec(text) ?? [];
  if (kind === undefined || name === undefined) {
    throw new InvalidArgumentError('Write user/NAME, role/NAME or applicationaccesspoint/NAME.');
  }
  return { kind: kind as Beneficiary['kind'], name };
}
