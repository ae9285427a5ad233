import { Command } from 'commander';
import { registerAudit } from '../cli/commands/audit.ts';
import { registerBootstrap } from '../cli/commands/bootstrap.ts';
import { registerCall } from '../cli/commands/call.ts';
import { registerDataKey } from '../cli/commands/data-key.ts';
import { registerLogin } from '../cli/commands/login.ts';
import { registerPolicy } from '../cli/commands/policy.ts';
import { registerRootCredential } from '../cli/commands/credential.ts';
import { registerSeal } from '../cli/commands/seal.ts';
import { registerSecret } from '../cli/commands/secret.ts';
import { registerWhy } from '../cli/commands/why.ts';
import { registerXki } from '../cli/commands/xki.ts';
import { silentLogger } from '../lib/log.ts';
import { registerBackup } from './backup.ts';
import { connectToCluster } from './cluster-connection.ts';
import { exitOnFailure } from './exit.ts';
import { findPodPrincipal } from './pod-principal.ts';
import { registerStandalone } from './standalone/commands.ts';
import { createStateAccess } from './state-access.ts';

/** The command line: everything a person does by hand. */
function createProgram(): Command {
  const program = new Command('kaap')
    .description('Self-hosted key management with the API of Alibaba Cloud KMS')
    .showHelpAfterError()
    .enablePositionalOptions();
  registerStandalone(program);
  registerSecret(program);
  registerDataKey(program);
  registerCall(program);
  registerLogin(program);
  registerAudit(program);
  registerSeal(program, createStateAccess(process.env));
  registerBackup(program);
  registerWhy(program, async (pod, signal) =>
    findPodPrincipal((await connectToCluster({ log: silentLogger })).api, pod, signal),
  );
  registerPolicy(program);
  registerXki(program);
  registerRootCredential(program);
  registerBootstrap(program, async () => (await connectToCluster({ log: silentLogger })).api);
  return program;
}

exitOnFailure(async () => {
  await createProgram().parseAsync();
});
