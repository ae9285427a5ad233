// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import type { TokenVerifier } from '../../src/ports/identity.ts';
import {
  createKubernetesTokenReview,
  type KubernetesTokenReview,
} from '../../src/providers/kubernetes-token-review.ts';
import { createTokenReviewVerifier } from '../../src/sts/oidc/token-review-verifier.ts';
import { controlPlaneBinaries, startControlPlane, type ControlPlane } from '../../tools/cluster/control-plane.ts';

const audience = 'kaap.dev/access-point/shop';

describe.skipIf(!controlPlaneBinaries())('tokens of pods, by the API server that issued them', () => {
  let plane: ControlPlane;
  let review: KubernetesTokenReview;
  let verifier: TokenVerifier;

  beforeAll(async () => {
    plane = await startControlPlane();
    kubectl(['create', 'serviceaccount', 'reviewer']);
    kubectl([
      'create',
      'clusterrolebinding',
      'r',
      '--clusterrole=system:auth-delegator',
      '--serviceaccount=default:reviewer',
    ]);
    const tokenFile = join(plane.folder, 'reviewer.token');
    const caFile = join(plane.folder, 'reviewer.crt');
    writeFileSync(tokenFile, kubectl(['create', 'token', 'reviewer']));
    writeFileSync(caFile, plane.ca);
    review = createKubernetesTokenReview({ server: plane.server, tokenFile, caFile });
    verifier = createTokenReviewVerifier({ provider: 'kaap', reviewToken: review.reviewToken, clock: systemClock });
  });

  afterAll(async () => {
    review.close();
    await plane.stop();
  });

  function kubectl(args: readonly string[], input?: object): string {
    const options = { encoding: 'utf8', ...(input !== undefined && { input: JSON.stringify(input) }) } as const;
    return execFileSync(plane.kubectlPath, [`--kubeconfig=${plane.kubeconfigPath}`, ...args], options).trim();
  }

  /** A pod that runs nowhere, and a token that is bound to it. */
  function podWithToken(name: string, ...options: string[]): string {
    kubectl(['create', 'serviceaccount', name]);
    const spec = { serviceAccountName: name, containers: [{ name: 'app', image: 'app' }] };
    kubectl(['create', '-f', '-'], { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec });
    return kubectl(['create', 'token', name, '--bound-object-kind=Pod', `--bound-object-name=${name}`, ...options]);
  }

  const verify = (token: string): ReturnType<TokenVerifier['verify']> =>
    verifier.verify(token, audience, AbortSignal.timeout(10_000));

  it.each([
    { gone: 'pod', remove: ['delete', 'pod', 'of-pod', '--now'] },
    { gone: 'serviceaccount', remove: ['delete', 'serviceaccount', 'of-serviceaccount'] },
  ])('C3: is refused at once when its $gone is deleted', async ({ gone, remove }) => {
    const token = podWithToken(`of-${gone}`, `--audience=${audience}`);
    expect(await verify(token)).toMatchObject({ serviceAccount: { name: `of-${gone}`, podName: `of-${gone}` } });
    kubectl(remove);
    // The API server hears of it by a watch, too; what it would remember of the token it remembers for ten seconds.
    const refused = (): Promise<void> =>
      expect(verify(token)).rejects.toMatchObject({ code: 'AuthenticationFail.OIDCToken.Invalid' });
    await vi.waitFor(refused, { timeout: 5000, interval: 50 });
  });

  it.each([
    { of: 'another access point', options: ['--audience=kaap.dev/access-point/bank'] },
    { of: 'the API server', options: [] },
  ])('C1: is refused when its audience is that of $of', async ({ of, options }) => {
    const token = podWithToken(of.replaceAll(' ', '-').toLowerCase(), ...options);
    await expect(verify(token)).rejects.toMatchObject({ code: 'AuthenticationFail.OIDCToken.Invalid' });
  });
});
