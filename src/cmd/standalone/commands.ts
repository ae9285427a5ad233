import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Option, type Command } from 'commander';
import { stringify } from 'yaml';
import { parseParameters } from '../../cli/commands/call.ts';
import { encode, putSecret } from '../../cli/commands/secret.ts';
import { standardOutput } from '../../cli/output.ts';
import { systemClock } from '../../lib/clock.ts';
import { parseListenAddress } from '../../lib/config.ts';
import { createLogger, silentLogger, type Logger } from '../../lib/log.ts';
import { aborted, shutdownSignal } from '../../lib/signals.ts';
import { demo } from './demo.ts';
import { prepareDevelopment } from './development.ts';
import { inject } from './injection.ts';
import { installationOf } from './installation-facts.ts';
import { knownObjects } from './known-objects.ts';
import { openManifests } from './manifests.ts';
import { readPod } from './pod-manifest.ts';
import { untilReady } from './readiness.ts';
import { runPod } from './pod-runner.ts';
import { startStandalone, type Standalone } from './standalone.ts';

interface ServeOptions {
  manifests?: string;
  dataDir?: string;
  listen: string;
  region: string;
  accountId: string;
  dev?: boolean;
  writeEnv?: string;
}

/** Adds region and account, with the defaults of an installation. */
function installationOptions(command: Command): Command {
  return command
    .addOption(new Option('--region <region>', 'region in ARNs').env('KAAP_REGION').default('local'))
    .addOption(new Option('--account-id <id>', 'account in ARNs').env('KAAP_ACCOUNT_ID').default('1000000000000000'));
}

/** `kaap demo|serve|inject|run`: the product without a cluster. */
export function registerStandalone(program: Command): void {
  program
    .command('demo')
    .description('show the whole product in one process, step by step')
    .option('--keep', 'leave the server running at the end', false)
    .action(async ({ keep }: { keep: boolean }) => demo({ keep, signal: shutdownSignal() }));
  installationOptions(program.command('serve'))
    .description('serve the KMS, and reconcile a folder of manifests, in one process')
    .option('--manifests <dir>', 'folder of custom resources; read again on SIGHUP')
    .option('--data-dir <dir>', 'folder of the state; a temporary one unless given')
    .option('--listen <address>', 'address to serve on', '127.0.0.1:0')
    .option('--dev', 'make a throw-away account with a key, a secret, an access point and a client key')
    .option('--write-env <file>', 'with --dev: write the environment variables that clients need')
    .action(serve);
  installationOptions(program.command('inject'))
    .description('print a pod as the webhook would make it, without a cluster')
    .requiredOption('-f, --file <file>', 'manifest with a pod or a workload; - for standard input')
    .requiredOption('--manifests <dir>', 'folder with the bindings and access points')
    .option('--endpoint <url>', 'address of the KMS', 'https://kaap-kms.kaap-system.svc')
    .action(printInjected);
  installationOptions(program.command('run'))
    .description('run the containers of a pod as local processes, with their secrets')
    .requiredOption('-f, --file <file>', 'manifest with a pod or a workload; - for standard input')
    .requiredOption('--manifests <dir>', 'folder with the custom resources')
    .option('--secret <name=file>', 'give a secret the content of a file as its value; may be repeated', collect, [])
    .option('--data-dir <dir>', 'folder of the state; a temporary one unless given')
    .action(run);
}

async function serve(options: ServeOptions): Promise<void> {
  const signal = shutdownSignal();
  await withStandalone(options, createLogger({ name: 'kaap' }), async (standalone) => {
    if (options.dev === true) await prepareDevelopment(standalone, options);
    process.on('SIGHUP', () => void standalone.cluster.reload());
    standardOutput.line(`Serving ${standalone.endpoint}. The root credential is in ${standalone.dataDir}.`);
    await aborted(signal);
  });
}

async function withStandalone(
  options: Pick<ServeOptions, 'dataDir' | 'manifests' | 'region' | 'accountId' | 'dev'> & { listen?: string },
  log: Logger,
  work: (standalone: Standalone) => Promise<void>,
): Promise<void> {
  const throwAway = options.dataDir === undefined;
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'kaap-')));
  const standalone = await startStandalone({
    dataDir,
    ...(options.manifests === undefined ? {} : { manifestsDir: options.manifests }),
    listen: parseListenAddress(options.listen ?? '127.0.0.1:0'),
    region: options.region,
    accountId: options.accountId,
    instances: options.dev === true ? [{ id: 'kst-dev0000000000001', type: 'Software' }] : [],
    clock: systemClock,
    log,
  });
  try {
    await work(standalone);
  } finally {
    await standalone.close();
    if (throwAway) await rm(dataDir, { recursive: true, force: true });
  }
}

interface InjectOptions {
  file: string;
  manifests: string;
  endpoint: string;
  region: string;
  accountId: string;
}

async function printInjected({ file, manifests, endpoint, region, accountId }: InjectOptions): Promise<void> {
  const { cluster, problems } = await openManifests(manifests, systemClock);
  for (const problem of problems) process.stderr.write(`${problem.file}: ${problem.message}\n`);
  const known = await knownObjects(cluster, AbortSignal.timeout(10_000));
  const installation = installationOf({ endpoint, caPem: '', region, accountId });
  const pod = inject(readPod(file), known, installation);
  standardOutput.line(stringify(pod, { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd());
}

interface RunOptions {
  secret: readonly string[];
  file: string;
  manifests: string;
  dataDir?: string;
  region: string;
  accountId: string;
}

function collect(word: string, words: readonly string[]): readonly string[] {
  return [...words, word];
}

/** Puts the values of `--secret name=file`. */
async function putSecrets(standalone: Standalone, words: readonly string[]): Promise<void> {
  const client = standalone.rootClient();
  try {
    for (const [name, file] of Object.entries(parseParameters(words))) {
      await putSecret(client, name, encode(readFileSync(file), false));
    }
  } finally {
    client.close();
  }
}

async function run(options: RunOptions): Promise<void> {
  const signal = shutdownSignal();
  const { region, accountId } = options;
  const rootDir = await mkdtemp(join(tmpdir(), 'kaap-pod-'));
  try {
    await withStandalone(options, silentLogger, async (standalone) => {
      const { endpoint, service, cluster, issuer } = standalone;
      await putSecrets(standalone, options.secret);
      await untilReady(cluster, signal);
      const known = await knownObjects(cluster, signal);
      const installation = installationOf({ endpoint, caPem: service.caPem, region, accountId });
      const pod = await runPod({
        pod: inject(readPod(options.file), known, installation),
        rootDir,
        issuer,
        cluster,
        log: {
          info: () => undefined,
          warn: (fields, message) => void process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
        },
        signal,
        onOutput: (_container, line) => standardOutput.line(line),
      });
      void aborted(signal).then(() => pod.stop());
      process.exitCode = await pod.ended;
      await pod.stop();
    });
  } finally {
    await rm(rootDir, { recursive: true, force: true });
  }
}
