// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { controlPlaneBinaries, startControlPlane } from '../../tools/cluster/control-plane.ts';
import type { ControlPlane } from '../../tools/cluster/control-plane.ts';
import { isRunning } from '../../tools/cluster/process-identity.ts';
import type { ProcessIdentity } from '../../tools/cluster/process-identity.ts';

describe.skipIf(!controlPlaneBinaries())('a control plane without a node', () => {
  let plane: ControlPlane;

  beforeAll(async () => {
    plane = await startControlPlane();
  });

  afterAll(() => plane.stop());

  function kubectl(...args: readonly string[]): string {
    return execFileSync(plane.kubectlPath, [`--kubeconfig=${plane.kubeconfigPath}`, ...args], { encoding: 'utf8' });
  }

  it('reports the version that it is', () => {
    expect(JSON.parse(kubectl('get', '--raw', '/version'))).toMatchObject({ gitVersion: 'v1.36.3', minor: '36' });
  });

  it('reviews the tokens that it issues', () => {
    kubectl('create', 'serviceaccount', 'reviewed');
    const token = kubectl('create', 'token', 'reviewed', '--audience=somebody').trim();
    const review = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token, audiences: ['somebody'] },
    };
    const answer = execFileSync(
      plane.kubectlPath,
      [`--kubeconfig=${plane.kubeconfigPath}`, 'create', '-o', 'json', '-f', '-'],
      { input: JSON.stringify(review), encoding: 'utf8' },
    );
    expect(JSON.parse(answer)).toMatchObject({
      status: { authenticated: true, user: { username: 'system:serviceaccount:default:reviewed' } },
    });
  });

  it('stops quickly and leaves no process and no file', async () => {
    const record = JSON.parse(readFileSync(join(plane.folder, 'processes.json'), 'utf8')) as Record<
      string,
      ProcessIdentity
    >;
    expect(Object.values(record).every(isRunning)).toBe(true);
    await plane.stop();
    expect(Object.values(record).filter(isRunning)).toEqual([]);
    expect(existsSync(plane.folder)).toBe(false);
  });
});
