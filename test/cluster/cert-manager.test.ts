import { randomBytes } from 'node:crypto';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCertificateAuthority, issueServingCertificate, type CertificatePair } from '../../src/crypto/x509.ts';
import { controlPlaneBinaries } from '../../tools/cluster/control-plane.ts';
import { startBalancer, type Balancer } from './balancer.ts';
import { serviceName, type WebhookProcess } from '../support/webhook-process.ts';
import { WebhookSite } from './webhook-site.ts';

const anAuthority = (commonName: string): CertificatePair =>
  createCertificateAuthority({ commonName, notBefore: Date.now() - 3_600_000, random: randomBytes });

const aLeaf = (authority: CertificatePair): CertificatePair =>
  issueServingCertificate(authority, {
    dnsNames: [serviceName],
    ipAddresses: [],
    notBefore: Date.now() - 60_000,
    random: randomBytes,
  });

/**
 * The webhook's process with a certificate that somebody else keeps. The tests play cert-manager's part, and the kubelet's: they
 * write the Secret's files as a volume has them, and `caBundle` as cainjector does.
 */
describe.skipIf(controlPlaneBinaries() === undefined)(
  'with cert-manager, the webhook (needs binaries of a control plane)',
  () => {
    const [first, second] = [anAuthority('first'), anAuthority('second')];
    let site: WebhookSite;
    let balancer: Balancer;
    let webhook: WebhookProcess;
    let folder: string;
    let generation = 0;

    /** Changes the files of the volume in one step, as the kubelet does. */
    function writeSecret({ certificatePem, privateKeyPem }: CertificatePair): void {
      generation += 1;
      const data = join(folder, `..data_${generation}`);
      mkdirSync(data, { recursive: true });
      writeFileSync(join(data, 'tls.crt'), certificatePem);
      writeFileSync(join(data, 'tls.key'), privateKeyPem);
      symlinkSync(`..data_${generation}`, join(folder, '..next'));
      renameSync(join(folder, '..next'), join(folder, '..data'));
    }

    const trust = (...authorities: CertificatePair[]): Promise<void> =>
      site.writeTrust(...authorities.map(({ certificatePem }) => certificatePem));
    const logged = (what: string): Promise<boolean> => Promise.resolve(webhook.log.includes(what));

    beforeAll(async () => {
      balancer = await startBalancer();
      site = await WebhookSite.start(balancer.port);
      folder = join(site.home, 'volume');
      mkdirSync(folder);
      for (const name of ['tls.crt', 'tls.key']) symlinkSync(`..data/${name}`, join(folder, name));
      webhook = await site.startWebhook({ KAAP_WEBHOOK_CERT_FOLDER: folder });
      balancer.route(webhook.port);
    }, 180_000);

    afterAll(async () => {
      await site.stop();
      await balancer.close();
    });

    test('waits for a certificate, and is not ready before API servers trust it', async () => {
      await site.eventually(() => logged('certificate check failed'), 'a look for the files');
      writeSecret(aLeaf(first));
      await site.eventually(() => logged('serving certificate in use'), 'the certificate in use');
      expect(await webhook.isReady()).toBe(false);
      await site.eventually(async () => (await site.answer()).includes('failed calling webhook'), 'no trust');
      await trust(first);
      await site.eventually(() => webhook.isReady(), 'ready');
      await site.eventually(() => site.isReviewed(), 'a review');
    });

    test('A12: goes over to a renewed certificate while no request fails', async () => {
      let [failed, over] = [0, false];
      const asking = (async () => {
        while (!over) if (!(await site.isReviewed())) failed += 1;
      })();
      const uses = (): number => webhook.log.split('serving certificate in use').length;
      const before = uses();
      writeSecret(aLeaf(first));
      await site.eventually(() => Promise.resolve(uses() > before), 'the renewed one in use');
      await sleep(1_000);
      over = true;
      await asking;
      expect(failed).toBe(0);
    });

    test('keeps what it serves while the files are not a pair', async () => {
      const [one, other] = [aLeaf(first), aLeaf(first)];
      writeSecret({ certificatePem: one.certificatePem, privateKeyPem: other.privateKeyPem });
      await site.eventually(() => logged('tls.key is not the key of tls.crt'), 'a look at the files');
      expect(await site.isReviewed()).toBe(true);
      writeSecret(one);
    });

    test('A4: is not ready while caBundle is of another authority, and writes nothing there', async () => {
      await trust(second);
      await site.eventually(async () => !(await webhook.isReady()), 'not ready');
      await site.eventually(async () => (await site.answer()).includes('failed calling webhook'), 'no trust');
      await trust(first, second);
      await site.eventually(() => webhook.isReady(), 'ready again');
      writeSecret(aLeaf(second));
      await site.eventually(() => site.isReviewed(), 'a review under the other authority');
      await site.eventually(() => webhook.isReady(), 'ready under the other authority');
    });
  },
);
