import { createHash, createPublicKey, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { AgentLog } from '../../../webhook/agent/source-value.ts';
import type { Pod } from '../../../webhook/pod.ts';
import { encode, putSecret } from '../../cli/commands/secret.ts';
import { why } from '../../cli/commands/why.ts';
import { standardOutput, table } from '../../cli/output.ts';
import { isKmsClientError, KmsClient, oidcCredentials } from '../../client/kms-client.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { readAuditLines } from '../../storage/audit-segments.ts';
import { verifyAuditLog } from '../../storage/audit-verify.ts';
import { inject } from './injection.ts';
import { installationOf } from './installation-facts.ts';
import { knownObjects } from './known-objects.ts';
import { changedLines, diffLines } from './line-diff.ts';
import { Narrator } from './narrator.ts';
import { readPod } from './pod-manifest.ts';
import { untilReady } from './readiness.ts';
import { runPod, type RunningPod } from './pod-runner.ts';
import { standaloneProvider, startStandalone, type Standalone } from './standalone.ts';

const region = 'local';
const accountId = '1000000000000000';
const quickstart = fileURLToPath(new URL('../../../examples/quickstart', import.meta.url));

export interface DemoOptions {
  /** Leave the server running at the end, until the signal fires. */
  keep: boolean;
  signal: AbortSignal;
}

/** The whole product, told step by step: from manifests to a process that reads its secret, in one process. */
export async function demo({ keep, signal }: DemoOptions): Promise<void> {
  const narrator = new Narrator(standardOutput, process.stdout.isTTY === true);
  const workDir = await mkdtemp(join(tmpdir(), 'kaap-demo-'));
  const standalone = await startStandalone({
    dataDir: join(workDir, 'data'),
    manifestsDir: quickstart,
    listen: { host: '127.0.0.1', port: 0 },
    region,
    accountId,
    instances: [],
    clock: systemClock,
    log: silentLogger,
  });
  const stage: Stage = { narrator, standalone, workDir, signal };
  try {
    introduce(stage);
    await putFirstVersion(stage);
    await showResources(stage);
    const pod = await showInjection(stage);
    const running = await showDelivery(stage, pod);
    await showRefusals(stage);
    await showChange(stage, running);
    await running.pod.stop();
    await showAudit(stage);
    if (keep) await keepServing(stage);
  } finally {
    await standalone.close();
    await rm(workDir, { recursive: true, force: true });
  }
  narrator.step('Cleaned up: the server has stopped and its folder is gone');
}

interface Stage {
  narrator: Narrator;
  standalone: Standalone;
  workDir: string;
  signal: AbortSignal;
}

function introduce({ narrator, standalone }: Stage): void {
  narrator.step('A key management service is up');
  narrator.say(`${standalone.endpoint}, TLS by a certificate authority of its own, state in SQLite behind a seal`);
  narrator.say('It speaks the API of Alibaba Cloud KMS; its operator watches examples/quickstart/*.yaml');
}

async function putFirstVersion({ narrator, standalone }: Stage): Promise<void> {
  narrator.step('The administrator puts a secret: kaap secret put shop/db');
  await put(standalone, { username: 'shop', password: randomBytes(12).toString('base64url') });
  narrator.say('shop/db has a value {"username": "shop", "password": "…"}. It is in no manifest and no object.');
}

async function put(standalone: Standalone, value: object): Promise<void> {
  const client = standalone.rootClient();
  try {
    await putSecret(client, 'shop/db', encode(Buffer.from(JSON.stringify(value)), false));
  } finally {
    client.close();
  }
}

async function showResources({ narrator, standalone, signal }: Stage): Promise<void> {
  narrator.step('The operator brings the resources into the KMS');
  const objects = await untilReady(standalone.cluster, signal);
  const rows = objects.map((object) => {
    const { kind, metadata, status } = object;
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    const name = metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
    return [kind, name, ready?.status ?? 'Unknown', ready?.message ?? ''];
  });
  narrator.show(table([['KIND', 'NAME', 'READY', 'MESSAGE'], ...rows]));
}

async function showInjection(stage: Stage): Promise<Pod> {
  const { narrator, standalone, signal } = stage;
  narrator.step('A pod with the label kaap.dev/inject is created: what the webhook makes of it');
  const before = readPod(join(quickstart, '40-pod.yaml'));
  const facts = { endpoint: standalone.endpoint, caPem: standalone.service.caPem, region, accountId };
  const after = inject(before, await knownObjects(standalone.cluster, signal), installationOf(facts));
  narrator.show(changedLines(diffLines(yamlLines(before), yamlLines(after)), 1));
  return after;
}

/** The pod as YAML lines; the long configuration of the agent is cut. */
function yamlLines(pod: Pod): string[] {
  const cut = (line: string): string => (line.length > 110 ? `${line.slice(0, 107)}…` : line);
  return stringify(pod, { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd().split('\n').map(cut);
}

interface Delivered {
  pod: RunningPod;
  lines: string[];
}

async function showDelivery({ narrator, standalone, workDir, signal }: Stage, pod: Pod): Promise<Delivered> {
  narrator.step(
    'The pod runs here as a process: the agent fetches with the pod’s own token, then the container starts',
  );
  const lines: string[] = [];
  const running = await runPod({
    pod,
    rootDir: join(workDir, 'pod'),
    issuer: standalone.issuer,
    cluster: standalone.cluster,
    log: quietAgent,
    signal,
    refreshSeconds: 1,
    onOutput: (container, line) => lines.push(`${container} | ${line}`),
  });
  await until(
    () => lines.length >= 2,
    () => `the container printed ${JSON.stringify(lines)}`,
  );
  narrator.show(lines);
  return { pod: running, lines };
}

const quietAgent: AgentLog = { info: () => undefined, warn: () => undefined };

async function showRefusals({ narrator, standalone, signal }: Stage): Promise<void> {
  narrator.step('Somebody else tries');
  const intruder = podClient(standalone, 'shop', 'intruder');
  narrator.say('A pod of service account shop/intruder asks for the same role:');
  narrator.show(await refusalOf(() => intruder.call('Kms', 'GetSecretValue', { SecretName: 'shop/db' }, { signal })));
  intruder.close();
  narrator.say('The administrator asks which rule that was: kaap why');
  narrator.show(await reasonsOf(standalone, 'serviceaccount/shop/intruder', 'secret/shop/db'));
  const shop = podClient(standalone, 'shop', 'shop');
  narrator.say('The shop itself asks for a secret of the bank:');
  narrator.show(await refusalOf(() => shop.call('Kms', 'GetSecretValue', { SecretName: 'bank/db' }, { signal })));
  shop.close();
}

/** What `kaap why` prints: the anonymous call is told nothing that would help to guess, its administrator is. */
async function reasonsOf(standalone: Standalone, principal: string, resource: string): Promise<string[]> {
  const lines: string[] = [];
  const client = standalone.rootClient();
  const output = { line: (text: string) => void lines.push(`  ${text}`), raw: () => undefined };
  try {
    await why(client, output, principal, { action: 'kms:GetSecretValue', resource });
  } catch (error) {
    // Somebody whom nothing lets in has no decision to explain: that nothing does is the answer.
    if (!isKmsClientError(error, 'InvalidParameter')) throw error;
    lines.push(`  ${error.message}`);
  } finally {
    client.close();
  }
  return lines;
}

/** A client with the identity that a pod of the service account would have. */
function podClient({ endpoint, service, issuer }: Standalone, namespace: string, serviceAccount: string): KmsClient {
  const { caPem } = service;
  const credentials = oidcCredentials({
    endpoint,
    caPem,
    roleArn: `acs:ram::${accountId}:role/shop`,
    oidcProviderArn: `acs:ram::${accountId}:oidc-provider/${standaloneProvider}`,
    token: () => issuer.issue({ namespace, serviceAccount, audience: 'kaap.dev/access-point/shop', podName: 'demo' }),
    sessionName: serviceAccount,
  });
  return new KmsClient({ endpoint, caPem, region, credentials });
}

async function refusalOf(attempt: () => Promise<unknown>): Promise<string[]> {
  try {
    await attempt();
  } catch (error) {
    if (!isKmsClientError(error)) throw error;
    const detail = Object.entries(error.detail ?? {}).map(([key, value]) => `    ${key}: ${value}`);
    return [`  ${error.code} (HTTP ${error.httpStatus}): ${error.message}`, ...detail];
  }
  throw new Error('the call was expected to be refused and was not');
}

async function showChange({ narrator, standalone }: Stage, { pod, lines }: Delivered): Promise<void> {
  narrator.step('A new version of the secret is put; the running process sees its file change');
  const seen = lines.length;
  const startedMs = Date.now();
  await put(standalone, { username: 'shop', password: randomBytes(16).toString('base64url') });
  await until(
    () => lines.length > seen,
    () => 'the file did not change',
  );
  narrator.show(lines.slice(seen));
  const content = await readFile(join(pod.mountDir ?? '', 'db.json'));
  const digest = createHash('sha256').update(content).digest('hex').slice(0, 12);
  narrator.say(`db.json was replaced in one step after ${Date.now() - startedMs} ms (sha256 ${digest}…)`);
}

async function showAudit({ narrator, standalone }: Stage): Promise<void> {
  narrator.step('Every call is in a chained audit log: kaap audit verify');
  const { auditDir, auditPublicKeyPem } = standalone.service;
  const report = await verifyAuditLog(readAuditLines(auditDir), { checkpointKey: createPublicKey(auditPublicKeyPem) });
  if (!report.ok) throw new Error(`the audit chain does not verify: ${report.problem?.message}`);
  narrator.say(`${report.records} records, chain intact, head ${report.head.hash.slice(0, 16)}…`);
}

async function keepServing({ narrator, standalone, workDir, signal }: Stage): Promise<void> {
  const caFile = join(workDir, 'data', 'ca.crt');
  narrator.step('The server stays up (--keep). Ctrl-C ends it');
  narrator.show([
    `export KAAP_ENDPOINT=${standalone.endpoint} KAAP_CA_FILE=${caFile}`,
    `export ALIBABA_CLOUD_ACCESS_KEY_ID=${standalone.root.AccessKeyId}`,
    `export ALIBABA_CLOUD_ACCESS_KEY_SECRET=$(node -p "require('${join(workDir, 'data', 'root-credential.json')}').AccessKeySecret")`,
    '',
    `curl --cacert $KAAP_CA_FILE $KAAP_ENDPOINT/readyz`,
    'npm exec kaap -- secret get shop/db',
    'npm exec kaap -- call DescribeKey KeyId=alias/shop/shop',
    '',
    '# an Alibaba SDK, unmodified',
    'NODE_EXTRA_CA_CERTS=$KAAP_CA_FILE node -e "',
    "  const { default: Kms, DescribeKeyRequest } = require('@alicloud/kms20160120');",
    "  const { Config } = require('@alicloud/openapi-client');",
    '  const client = new Kms(new Config({ accessKeyId: process.env.ALIBABA_CLOUD_ACCESS_KEY_ID,',
    "    accessKeySecret: process.env.ALIBABA_CLOUD_ACCESS_KEY_SECRET, regionId: 'local',",
    '    endpoint: new URL(process.env.KAAP_ENDPOINT).host }));',
    "  client.describeKey(new DescribeKeyRequest({ keyId: 'alias/shop/shop' })).then((r) => console.log(r.keyMetadata))\"",
  ]);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

async function until(holds: () => boolean, otherwise: () => string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`After 10 s, ${otherwise()}.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
