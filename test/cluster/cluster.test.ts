// SPDX-License-Identifier: Apache-2.0
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCluster } from '../../tools/cluster/access.ts';
import type { ClusterAccess } from '../../tools/cluster/access.ts';
import { cacheFolder } from '../../tools/cluster/cache-folder.ts';
import { identify, isRunning } from '../../tools/cluster/process-identity.ts';
import type { ProcessIdentity } from '../../tools/cluster/process-identity.ts';
import { ProcessCluster } from '../../tools/cluster/process-cluster.ts';
import { buildImages } from '../../tools/images/build.ts';
import { envFilePod, probePod, service } from './pods.ts';
import { buildProbeImage } from './probe-image.ts';

const folder = cacheFolder('cluster-under-test');
const cluster = new ProcessCluster(folder);
const scratch = mkdtempSync(join(tmpdir(), 'kaap-cluster-test-'));

describe.skipIf(process.platform !== 'linux' || process.getuid?.() !== 0)('a cluster of plain processes', () => {
  let access: ClusterAccess;

  beforeAll(async () => {
    process.env['KAAP_CLUSTER'] = 'processes';
    process.env['KAAP_CLUSTER_DIR'] = folder;
    await cluster.down();
    await cluster.up(() => undefined);
    const opened = openCluster();
    if (!opened) throw new Error('the cluster does not run');
    access = opened;
    const { 'test-app': testApp = '' } = buildImages({ targets: ['test-app'], out: scratch });
    await access.loadImage(testApp);
    await access.loadImage(buildProbeImage(scratch));
  });

  afterAll(async () => {
    await cluster.down();
    rmSync(scratch, { recursive: true });
  });

  async function finish(pod: string): Promise<string> {
    await access.kubectl(['wait', `pod/${pod}`, '--for=jsonpath={.status.phase}=Succeeded', '--timeout=60s']);
    return access.kubectl(['logs', pod]);
  }

  async function podAddress(pod: string): Promise<string> {
    return access.kubectl(['get', 'pod', pod, '-o', 'jsonpath={.status.podIP}']);
  }

  it('has one node, which is Ready', async () => {
    const nodes = await access.kubectl(['get', 'nodes', '--no-headers']);
    expect(nodes.trim().split(/\s+/)).toEqual(['kaap-node', 'Ready', '<none>', expect.any(String), 'v1.36.3']);
  });

  it('lets a pod reach another by the name of its Service, and shows the server the address of the client', async () => {
    await access.apply([probePod('server', ['listen', '8080'], 'Always'), service('server', 80, 8080)]);
    await access.kubectl(['wait', 'pod/server', '--for=condition=Ready', '--timeout=60s']);
    await access.apply([probePod('client', ['connect', 'server.default.svc.cluster.local', '80'])]);
    expect(await finish('client')).toBe(`you are ${await podAddress('client')}\n`);
  });

  it('lets a pod reach itself by its Service', async () => {
    const result = await access.kubectl(['exec', 'server', '--', '/probe', 'connect', 'server.default.svc', '80']);
    expect(result).toMatch(/^you are 10\.244\./);
  });

  it('lets the test process reach a Service from inside the network', async () => {
    const address = await access.kubectl(['get', 'service', 'server', '-o', 'jsonpath={.spec.clusterIP}']);
    const { stdout } = await access.run([join(scratch, 'probe'), 'connect', address, '80']);
    expect(stdout).toMatch(/^you are 10\.2/);
  });

  it('sets an environment variable from a file that a native sidecar wrote', async () => {
    await access.apply([envFilePod('env-file', 'PASSWORD', 'from the sidecar')]);
    const line = (await finish('env-file')).trim().split(' ').slice(2).join(' ');
    expect(line).toBe(`ENV PASSWORD=${Buffer.from('from the sidecar').toString('base64')}`);
  });

  it('binds a claim of the default storage class', async () => {
    const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
    const metadata = { name: 'claim', namespace: 'default' };
    await access.apply([{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec }]);
    await access.kubectl(['wait', 'pvc/claim', '--for=jsonpath={.status.phase}=Bound', '--timeout=30s']);
  });

  it('lets a verifier discover the issuer of service-account tokens and its keys', async () => {
    const discovery = JSON.parse(await access.kubectl(['get', '--raw', '/.well-known/openid-configuration'])) as object;
    expect(discovery).toMatchObject({ issuer: 'https://kubernetes.default.svc.cluster.local' });
    const { keys } = JSON.parse(await access.kubectl(['get', '--raw', '/openid/v1/jwks'])) as { keys: object[] };
    expect(keys).toHaveLength(1);
  });

  it('shows what etcd holds', async () => {
    const dump = await access.dumpEtcd('/registry/namespaces/');
    expect([...dump.keys()]).toContain('/registry/namespaces/default');
    expect(dump.get('/registry/namespaces/default')?.includes('kubernetes.io/metadata.name')).toBe(true);
  });

  it('starts nothing a second time', async () => {
    const before = readFileSync(join(folder, 'processes.json'), 'utf8');
    await cluster.up(() => undefined);
    expect(readFileSync(join(folder, 'processes.json'), 'utf8')).toBe(before);
  });

  it('starts again what has died, and nothing else', async () => {
    await cluster.kill('kube-scheduler');
    expect(cluster.status()).toMatchObject({ 'kube-scheduler': false, kubelet: true });
    await cluster.up(() => undefined);
    expect(Object.values(cluster.status())).not.toContain(false);
    expect(await podAddress('server')).toMatch(/^10\.244\./);
  });

  it('leaves no process, mount, namespace, cgroup or file behind', async () => {
    const processes = processesBelow(cluster.cgroupFolders());
    expect(processes.length).toBeGreaterThan(10);
    await cluster.down();
    expect(processes.filter(isRunning)).toEqual([]);
    expect(cluster.cgroupFolders()).toEqual([]);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toMatch(/cluster-under-test|kubelet|cni-/);
    expect(existsSync('/run/netns') ? readdirSync('/run/netns').filter((name) => name.startsWith('cni-')) : []).toEqual(
      [],
    );
    expect(existsSync(folder)).toBe(false);
    expect(cluster.status()).toEqual({});
    await cluster.down();
  });

  it('says which component failed, shows the end of its log, and cleans up', async () => {
    const assets = join(scratch, 'assets');
    mkdirSync(assets);
    writeFileSync(join(assets, 'kube-apiserver'), '#!/bin/sh\necho no flag of this name\nexit 1\n');
    chmodSync(join(assets, 'kube-apiserver'), 0o755);
    process.env['KUBEBUILDER_ASSETS'] = assets;
    await expect(cluster.up(() => undefined)).rejects.toThrow(/^kube-apiserver ended[^]*no flag of this name/);
    delete process.env['KUBEBUILDER_ASSETS'];
    expect(existsSync(folder)).toBe(false);
    expect(cluster.cgroupFolders()).toEqual([]);
  });
});

function processesBelow(cgroups: readonly string[]): ProcessIdentity[] {
  const pids = cgroups.flatMap((path) => readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean));
  return [...new Set(pids)].map((pid) => identify(Number(pid)));
}
