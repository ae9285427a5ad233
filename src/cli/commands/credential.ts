import { readFileSync, rmSync } from 'node:fs';
import type { Command } from 'commander';
import { rootCredentialPath } from '../connection.ts';
import { standardOutput } from '../output.ts';

/** `kaap root-credential`: the access key of the account root, as `kms` left it on its volume at the first start. */
export function registerRootCredential(program: Command): void {
  program
    .command('root-credential')
    .description('print the access key of the account root; run it where kms runs')
    .option('--delete', 'delete the file after printing it', false)
    .action((options: { delete: boolean }) => {
      const path = rootCredentialPath(process.env);
      standardOutput.raw(readFileSync(path));
      if (options.delete) rmSync(path);
    });
}
