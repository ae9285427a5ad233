import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { makeKmsHome, startKmsProcess, type KmsHome } from '../support/kms-process.ts';
import { kubectl, root, succeeded, template } from './programs.ts';

/** Apart from the namespace of the other tests, which share the API server. */
const namespace = 'kaap-anchor';
const replica = 'kaap-kms-0';
const where = `${namespace}/kaap-audit-anchor`;

let folder: string;
let home: KmsHome;

interface Kubeconfig {
  users: { name: string; user: { token: string } }[];
}

beforeAll(async () => {
  succeeded(kubectl(['create', 'namespace', namespace]));
  for (const object of template(['--namespace', namespace]).filter(({ kind, metadata }) =>
    isOfTheAnchor(kind, metadata.name),
  )) {
    succeeded(kubectl(['apply', '--namespace', namespace, '--filename=-'], JSON.stringify(object)));
  }
  folder = mkdtempSync(join(tmpdir(), 'kaap-anchor-'));
  home = await makeKmsHome(folder, {
    KUBECONFIG: serviceAccountKubeconfig(),
    KAAP_REPLICA: replica,
    KAAP_AUDIT_ANCHOR_CONFIGMAP: where,
  });
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  kubectl(['delete', 'namespace', namespace, '--wait=false']);
});

const isOfTheAnchor = (kind: string, name: string): boolean =>
  name === 'kaap-audit-anchor' || (name === 'kaap-kms' && ['ServiceAccount', 'Role', 'RoleBinding'].includes(kind));

/** Signs in as the pod does, so with no right but those of the chart. */
function serviceAccountKubeconfig(): string {
  const token = succeeded(kubectl(['create', 'token', 'kaap-kms', '--namespace', namespace])).trim();
  const config = parse(readFileSync(inject('kubeconfig'), 'utf8')) as Kubeconfig;
  for (const entry of config.users) entry.user = { token };
  const path = join(folder, 'kubeconfig');
  writeFileSync(path, stringify(config), { mode: 0o600 });
  return path;
}

function verify(): { status: number | null; stdout: string; stderr: string } {
  const args = ['audit', 'verify', join(home.dataDir, 'audit'), '--anchor-configmap', `${where}/${replica}`];
  const env = { ...process.env, KUBECONFIG: home.environment['KUBECONFIG'] };
  return spawnSync(process.execPath, [join(root, 'src/cmd/kaap.ts'), ...args], { encoding: 'utf8', env });
}

function cutTheEnd(): void {
  const directory = join(home.dataDir, 'audit');
  const path = join(directory, readdirSync(directory).find((name) => name.endsWith('.jsonl')) ?? '');
  const lines = readFileSync(path, 'utf8').split('\n');
  truncateSync(path, statSync(path).size - Buffer.byteLength(lines.slice(-4).join('\n')));
  // Whoever cuts the log can reach the anchor beside it too.
  rmSync(join(home.dataDir, 'audit-anchor.json'));
}

describe('the head of the audit log in the cluster', () => {
  test('H1: shows a log whose end was cut off, together with the anchor beside it, and kms does not start on it', async () => {
    const kms = await startKmsProcess(home);
    for (let count = 0; count < 5; count += 1) await kms.client.call('Kms', 'ListKeys', {});
    await kms.end('SIGTERM');
    expect(verify()).toMatchObject({ status: 0, stdout: expect.stringContaining('chain intact') as string });
    cutTheEnd();
    const verdict = verify();
    expect(verdict.status).toBe(1);
    expect(verdict.stdout).toContain('the end of the log was cut off');
    await expect(startKmsProcess(home)).rejects.toThrow('the end was cut off');
  });

  test('is the only thing that the service account of kms may read or change', () => {
    const may = (...args: string[]): string =>
      kubectl(['auth', 'can-i', ...args, `--as=system:serviceaccount:${namespace}:kaap-kms`]).output.trim();
    expect(may('patch', 'configmaps/kaap-audit-anchor', '-n', namespace)).toBe('yes');
    expect(may('get', 'configmaps/kaap-kms-trust', '-n', namespace)).toBe('no');
    expect(may('delete', 'configmaps/kaap-audit-anchor', '-n', namespace)).toBe('no');
    expect(may('get', 'secrets', '-n', namespace)).toBe('no');
  });
});
