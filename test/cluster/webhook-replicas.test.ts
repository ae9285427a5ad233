import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { controlPlaneBinaries } from '../../tools/cluster/control-plane.ts';
import { secretResource, webhookConfigurationResource } from '../../webhook/serving-cert.ts';
import { startBalancer, type Balancer } from './balancer.ts';
import type { WebhookProcess } from '../support/webhook-process.ts';
import { WebhookSite } from './webhook-site.ts';

describe.skipIf(controlPlaneBinaries() === undefined)(
  'replicas of the webhook on a real API server (needs its binaries)',
  () => {
    let site: WebhookSite;
    let balancer: Balancer;
    let replicas: WebhookProcess[];

    /** Asks without a pause while `work` is done: how many pods were reviewed, and what was said of the others. */
    async function whileAsking(work: () => Promise<void>): Promise<{ reviewed: number; others: string[] }> {
      let [reviewed, over] = [0, false];
      const others: string[] = [];
      const ask = async (): Promise<void> => {
        while (!over) {
          const answer = await site.answer();
          if (answer.includes('no SecretBinding in the namespace')) reviewed += 1;
          else others.push(answer);
        }
      };
      const asking = Promise.all([ask(), ask(), ask()]);
      await work().finally(() => (over = true));
      await asking;
      return { reviewed, others };
    }

    beforeAll(async () => {
      balancer = await startBalancer();
      site = await WebhookSite.start(balancer.port);
      // At one time, and without a Secret: each would make an authority.
      replicas = await Promise.all([site.startWebhook({}), site.startWebhook({})]);
      for (const replica of replicas) await site.eventually(() => replica.isReady(), 'ready');
      balancer.route(...replicas.map(({ port }) => port));
      await site.eventually(() => site.isReviewed(), 'a review');
    }, 180_000);

    afterAll(async () => {
      await site.stop();
      await balancer.close();
    });

    test('A12: two that start at once agree on one authority, and no request fails at either', async () => {
      const { reviewed, others } = await whileAsking(async () => {
        // A Service has no memory either: each of them is all there is for a while.
        for (const { port } of replicas) {
          balancer.route(port);
          await sleep(2_000);
        }
      });
      expect(others).toEqual([]);
      expect(reviewed).toBeGreaterThan(20);
      const ref = { namespace: 'kaap-system', name: 'kaap-webhook-cert' };
      const secret = await site.api.get(secretResource, ref, { signal: site.signal });
      const configuration = await site.api.get(webhookConfigurationResource, { name: 'kaap' }, { signal: site.signal });
      expect(configuration?.webhooks?.[0]?.clientConfig.caBundle).toBe(secret?.data?.['ca.crt']);
    });

    test('A12: no request fails while one after another is replaced', async () => {
      balancer.route(...replicas.map(({ port }) => port));
      const { others } = await whileAsking(async () => {
        const first = replicas;
        for (const old of first) {
          const fresh = await site.startWebhook({});
          await site.eventually(() => fresh.isReady(), 'ready');
          replicas = [...replicas.filter((replica) => replica !== old), fresh];
          balancer.route(...replicas.map(({ port }) => port));
          await old.end();
        }
      });
      expect(others).toEqual([]);
    });

    test('A4: those that do not answer let no labelled pod pass, and no other waits for them', async () => {
      for (const replica of replicas) replica.pause();
      let isRefused = false;
      const refusal = site.answer().finally(() => (isRefused = true));
      expect(await site.answer({})).toBe('created');
      expect(isRefused).toBe(false);
      expect(await refusal).toContain('failed calling webhook');
      for (const replica of replicas) replica.resume();
      await site.eventually(() => site.isReviewed(), 'a review');
    });

    test('A12: a caBundle that somebody resets lets no pod pass, and is put back within seconds', async () => {
      const started = Date.now();
      const { others } = await whileAsking(async () => {
        await site.writeTrust();
        await site.eventually(async () => (await site.answer()).includes('failed calling webhook'), 'no trust');
        await site.eventually(() => site.isReviewed(), 'a review');
      });
      expect(Date.now() - started).toBeLessThan(20_000);
      expect(others.length).toBeGreaterThan(0);
      for (const answer of others) expect(answer).toContain('failed calling webhook');
    });
  },
);
