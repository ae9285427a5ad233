import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { inClusterConnection, kubeconfigConnection, loadKubeConnection } from '../../src/kube/kube-config.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function put(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const full = `
current-context: one
contexts:
- {name: one, context: {cluster: c, user: certificate, namespace: team}}
- {name: two, context: {cluster: files, user: file}}
- {name: three, context: {cluster: c, user: plugin}}
- {name: four, context: {cluster: c}}
clusters:
- {name: c, cluster: {server: 'https://c:6443/', certificate-authority-data: ${base64('CA')}}}
- {name: files, cluster: {server: 'https://f', certificate-authority: ca.crt, tls-server-name: kube, insecure-skip-tls-verify: true}}
users:
- {name: certificate, user: {client-certificate-data: ${base64('CERT')}, client-key-data: ${base64('KEY')}}}
- {name: file, user: {tokenFile: token}}
- {name: plugin, user: {exec: {command: aws}}}
`;

describe('a kubeconfig', () => {
  test('with a client certificate gives it, the server and the namespace', async () => {
    const connection = await kubeconfigConnection(await put('config', full));
    expect(connection).toEqual({
      server: 'https://c:6443',
      tls: { ca: 'CA', cert: 'CERT', key: 'KEY' },
      namespace: 'team',
    });
  });

  test('finds files beside itself', async () => {
    await put('ca.crt', 'FILE CA');
    await put('token', 'abc\n');
    const connection = await kubeconfigConnection(await put('config', full), { context: 'two' });
    expect(connection).toMatchObject({
      server: 'https://f',
      tls: { ca: 'FILE CA', servername: 'kube', rejectUnauthorized: false },
    });
    expect(await connection.token?.token(false)).toBe('abc');
  });

  test('of several files takes the first that has an entry', async () => {
    const first = await put('first', 'current-context: four\nusers: [{name: certificate, user: {token: t}}]');
    const second = await put('second', full);
    const joined = `${first}${delimiter}${second}`;
    expect(await kubeconfigConnection(joined)).toEqual({ server: 'https://c:6443', tls: { ca: 'CA' } });
    const connection = await kubeconfigConnection(joined, { context: 'one' });
    expect(await connection.token?.token(false)).toBe('t');
  });

  test.each([
    ['a context that is not there', { context: 'none' }, 'no context none'],
    ['a credential plugin', { context: 'three' }, 'credential plugin, which is not supported'],
  ])('with %s says so', async (_title, options, message) => {
    await expect(kubeconfigConnection(await put('config', full), options)).rejects.toThrow(message);
  });

  test('that is broken is not quoted', async () => {
    const path = await put('config', 'users:\n- name: x\n  user: {token: canary-1 canary: [');
    await expect(kubeconfigConnection(path)).rejects.toThrow(/is not YAML$/);
  });
});

describe('within a pod', () => {
  beforeEach(async () => {
    await put('ca.crt', 'POD CA');
    await put('token', 'pod-token\n');
    await put('namespace', 'kaap-system\n');
  });

  test('the mounted service account is used', async () => {
    const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' };
    const connection = await inClusterConnection(env, folder);
    expect(connection).toMatchObject({
      server: 'https://10.96.0.1:443',
      tls: { ca: 'POD CA' },
      namespace: 'kaap-system',
    });
    expect(await connection.token?.token(false)).toBe('pod-token');
  });

  test('an IPv6 address is put into brackets', async () => {
    const connection = await inClusterConnection({ KUBERNETES_SERVICE_HOST: 'fd00::1' }, folder);
    expect(connection.server).toBe('https://[fd00::1]:443');
  });

  test('outside of one, that is said', async () => {
    await expect(inClusterConnection({}, folder)).rejects.toThrow('this is not a pod');
  });
});

test('an explicit kubeconfig wins over the pod, and KUBECONFIG over both home and pod', async () => {
  const path = await put('config', full);
  const pod = { KUBERNETES_SERVICE_HOST: '10.96.0.1' };
  expect((await loadKubeConnection({ kubeconfig: path, env: pod })).server).toBe('https://c:6443');
  expect((await loadKubeConnection({ env: { ...pod, KUBECONFIG: path } })).server).toBe('https://c:6443');
});
