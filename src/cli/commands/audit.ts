import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { InvalidArgumentError, type Command } from 'commander';
import type { Checkpoint } from '../../crypto/record-chain.ts';
import { readConfigMapAnchor, type ConfigMapKey } from '../../kube/config-map-anchor.ts';
import { KubeClient } from '../../kube/kube-client.ts';
import { loadKubeConnection } from '../../kube/kube-config.ts';
import { createTransport } from '../../kube/transport.ts';
import { queryAuditLog, type AuditFilter } from '../../storage/audit-query.ts';
import { readAuditLines } from '../../storage/audit-segments.ts';
import { verifyAuditLog, type AuditVerifyOptions } from '../../storage/audit-verify.ts';
import { readFileAnchor } from '../../storage/file-anchor.ts';
import { standardOutput } from '../output.ts';

interface VerifyOptions {
  checkpointKey?: string;
  anchor?: string;
  anchorConfigmap?: ConfigMapKey;
  maxUncovered?: number;
}

interface QueryOptions extends AuditFilter {
  limit?: number;
}

/** `kaap audit verify|query`: works on the files of the log, also without a running KMS. */
export function registerAudit(program: Command): void {
  const audit = program.command('audit').description('check and search the audit log');
  audit
    .command('verify')
    .description('check the chain of records; exit status 1 names the first bad record')
    .argument('<folders...>', 'folder of a log, <data folder>/audit; each replica has one')
    .option('--checkpoint-key <file>', 'public key (PEM) that verifies the signed checkpoints of all replicas')
    .option('--anchor <file>', 'head that was kept outside, <data folder>/audit-anchor.json: shows a cut-off end')
    .option('--anchor-configmap <namespace/name/replica>', 'head that the cluster keeps of the log', configMapKey)
    .option('--max-uncovered <records>', 'records that may follow the last checkpoint', wholeNumber)
    .action(verify);
  audit
    .command('query')
    .description('print the records that match, as JSON lines')
    .argument('<folders...>', 'folders of the logs')
    .option('--action <action>', 'such as GetSecretValue or Kms:GetSecretValue; * at the end stands for anything')
    .option('--principal <arn>', 'who asked')
    .option('--access-key-id <id>', 'access key or client key that signed')
    .option('--source-ip <address>', 'where the request came from')
    .option('--pod <namespace/name>', 'pod behind the caller')
    .option('--resource <arn>', 'what the action was about')
    .option('--outcome <code>', 'OK, an error code, or error for anything but OK')
    .option('--would-deny', 'what an access point in Shadow mode would have denied')
    .option('--request-id <id>', 'one request')
    .option('--since <time>', 'ISO 8601 time, inclusive', instant)
    .option('--until <time>', 'ISO 8601 time, exclusive', instant)
    .option('--limit <records>', 'records to print at most', wholeNumber)
    .action(query);
}

async function verify(folders: string[], options: VerifyOptions): Promise<void> {
  const isAnchored = options.anchor !== undefined || options.anchorConfigmap !== undefined;
  if (isAnchored && folders.length > 1) {
    throw new Error('An anchor is of one log. Verify the folders one by one, each with its own anchor.');
  }
  const given = await verifyOptionsOf(options);
  for (const folder of folders) {
    const report = await verifyAuditLog(readAuditLines(folder), given);
    const name = folders.length > 1 ? `${folder}: ` : '';
    if (report.problem === undefined) {
      standardOutput.line(`${name}${report.records} records, chain intact, head ${report.head.hash}.`);
      continue;
    }
    const { seq, line, message } = report.problem;
    standardOutput.line(`${name}Record ${seq} (line ${line}): ${message}`);
    process.exitCode = 1;
  }
}

async function verifyOptionsOf(options: VerifyOptions): Promise<AuditVerifyOptions> {
  const { checkpointKey, maxUncovered } = options;
  const head = await anchorOf(options);
  return {
    ...(checkpointKey !== undefined && { checkpointKey: createPublicKey(readFileSync(checkpointKey)) }),
    ...(head !== undefined && { anchor: head }),
    ...(maxUncovered !== undefined && { maxUncovered }),
  };
}

/** The head that was kept outside. Throws when one is named and not there: without it a cut-off end goes unseen. */
async function anchorOf({ anchor, anchorConfigmap: at }: VerifyOptions): Promise<Checkpoint | undefined> {
  if (anchor !== undefined && at !== undefined) throw new Error('Give one anchor: a file or a ConfigMap.');
  if (anchor !== undefined) {
    const head = await readFileAnchor(anchor);
    if (head === undefined) throw new Error(`There is no anchor ${anchor}.`);
    return head;
  }
  if (at === undefined) return undefined;
  const transport = createTransport(await loadKubeConnection({ env: process.env }), { userAgent: 'kaap' });
  try {
    const head = await readConfigMapAnchor(new KubeClient(transport), at);
    if (head === undefined) throw new Error(`ConfigMap ${at.namespace}/${at.name} has no head of replica ${at.key}.`);
    return head;
  } finally {
    transport.close();
  }
}

function configMapKey(text: string): ConfigMapKey {
  const [namespace, name, key, ...rest] = text.split('/');
  if (!namespace || !name || !key || rest.length > 0) {
    throw new InvalidArgumentError(
      'Write <namespace>/<ConfigMap>/<replica>, such as kaap/kaap-audit-anchor/kaap-kms-0.',
    );
  }
  return { namespace, name, key };
}

async function query(folders: string[], { limit = Infinity, ...filter }: QueryOptions): Promise<void> {
  let printed = 0;
  for (const folder of folders) {
    for await (const record of queryAuditLog(readAuditLines(folder), filter)) {
      if (printed >= limit) return;
      standardOutput.line(JSON.stringify(record));
      printed += 1;
    }
  }
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Write a whole number.');
  return Number(text);
}

/** Parses an option that is a time, to milliseconds since the Unix epoch. */
export function instant(text: string): number {
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new InvalidArgumentError('Write a time such as 2026-01-31T08:00:00Z.');
  return time;
}
