import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { queryAuditLog, type AuditFilter } from '../../storage/audit-query.ts';
import { readAuditLines } from '../../storage/audit-segments.ts';
import { verifyAuditLog } from '../../storage/audit-verify.ts';
import { standardOutput } from '../output.ts';

interface VerifyOptions {
  checkpointKey?: string;
}

/** `kaap audit verify|query`: works on the files of the log, also without a running KMS. */
export function registerAudit(program: Command): void {
  const audit = program.command('audit').description('check and search the audit log');
  audit
    .command('verify')
    .description('check the chain of records; exit status 1 names the first bad record')
    .argument('<folder>', 'folder of the log, <data folder>/audit')
    .option('--checkpoint-key <file>', 'public key (PEM) that verifies the signed checkpoints')
    .action(async (folder: string, options: VerifyOptions) => {
      const key = options.checkpointKey;
      const report = await verifyAuditLog(
        readAuditLines(folder),
        key === undefined ? {} : { checkpointKey: createPublicKey(readFileSync(key)) },
      );
      if (report.problem === undefined) {
        standardOutput.line(`${report.records} records, chain intact, head ${report.head.hash}.`);
        return;
      }
      const { seq, line, message } = report.problem;
      standardOutput.line(`Record ${seq} (line ${line}): ${message}`);
      process.exitCode = 1;
    });
  audit
    .command('query')
    .description('print the records that match, as JSON lines')
    .argument('<folder>', 'folder of the log')
    .option('--action <action>', 'such as GetSecretValue')
    .option('--principal <arn>')
    .option('--resource <arn>')
    .option('--outcome <code>', 'OK or an error code')
    .action(async (folder: string, filter: AuditFilter) => {
      for await (const record of queryAuditLog(readAuditLines(folder), filter)) {
        standardOutput.line(JSON.stringify(record));
      }
    });
}
