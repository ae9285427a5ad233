import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { KubeError } from '../../src/kube/kube-error.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { ServingCert, type ServingCertOptions } from '../../webhook/serving-cert.ts';

interface Stored {
  metadata: { name: string; resourceVersion?: string };
  data?: Record<string, string>;
  webhooks?: { name: string; clientConfig: { caBundle?: string } }[];
}

/** As much of an API server as the certificate needs: one Secret and one configuration. */
class FakeApi {
  secret: Stored | undefined;
  configuration: Stored | undefined = {
    metadata: { name: 'kaap' },
    webhooks: [{ name: 'inject.kaap.dev', clientConfig: {} }],
  };
  writes = 0;
  /** Runs between a read of the Secret and what follows: another replica. */
  meanwhile: (() => void) | undefined;
  #version = 0;

  async get(resource: { kind: string }): Promise<Stored | undefined> {
    const found = structuredClone(resource.kind === 'Secret' ? this.secret : this.configuration);
    if (resource.kind === 'Secret') {
      const run = this.meanwhile;
      this.meanwhile = undefined;
      run?.();
    }
    return found;
  }

  async create(_resource: object, object: Stored): Promise<Stored> {
    if (this.secret !== undefined) throw new KubeError(409, 'AlreadyExists', 'taken');
    return this.#put(object);
  }

  async update(_resource: object, object: Stored): Promise<Stored> {
    if (this.secret?.metadata.resourceVersion !== object.metadata.resourceVersion) {
      throw new KubeError(409, 'Conflict', 'changed');
    }
    return this.#put(object);
  }

  async apply(_resource: object, object: Stored): Promise<Stored> {
    this.writes++;
    this.configuration = structuredClone(object);
    return object;
  }

  #put(object: Stored): Stored {
    this.writes++;
    this.#version++;
    this.secret = structuredClone({ ...object, metadata: { ...object.metadata, resourceVersion: `${this.#version}` } });
    return this.secret;
  }
}

function aReplica(api: FakeApi, clock: ManualClock = new ManualClock()): { cert: ServingCert; served: string[] } {
  const served: string[] = [];
  const cert = new ServingCert({
    api: api as unknown as ServingCertOptions['api'],
    namespace: 'kaap-system',
    secretName: 'kaap-webhook-cert',
    configurationName: 'kaap',
    dnsNames: ['kaap-webhook.kaap-system.svc'],
    clock,
    sleep: () => Promise.resolve(),
    random: randomBytes,
    log: silentLogger,
    onCertificate: ({ certPem }) => served.push(certPem),
  });
  return { cert, served };
}

const { signal } = new AbortController();

describe('the certificate that replicas share', () => {
  test('is made once, served, and trusted', async () => {
    const api = new FakeApi();
    const { cert, served } = aReplica(api);
    await cert.check(signal);
    expect(served).toHaveLength(1);
    expect(cert.isTrusted).toBe(true);
    const bundle = Buffer.from(api.configuration?.webhooks?.[0]?.clientConfig.caBundle ?? '', 'base64').toString();
    expect(bundle).toContain('BEGIN CERTIFICATE');
    expect(bundle).not.toContain('PRIVATE KEY');
    await cert.check(signal);
    expect(api.writes).toBe(2);
    expect(served).toHaveLength(1);
  });

  test('A12: is the same for two replicas that start together', async () => {
    const api = new FakeApi();
    const first = aReplica(api);
    const second = aReplica(api);
    const other = Promise.withResolvers<void>();
    api.meanwhile = () => void second.cert.check(signal).then(other.resolve, other.reject);
    await first.cert.check(signal);
    await other.promise;
    await first.cert.check(signal);
    await second.cert.check(signal);
    expect(first.served.at(-1)).toBe(second.served.at(-1));
  });

  test('A12: trust that somebody empties is put back at the next look', async () => {
    const api = new FakeApi();
    const { cert } = aReplica(api);
    await cert.check(signal);
    const bundle = api.configuration?.webhooks?.[0]?.clientConfig.caBundle;
    api.configuration = { metadata: { name: 'kaap' }, webhooks: [{ name: 'inject.kaap.dev', clientConfig: {} }] };
    await cert.check(signal);
    expect(api.configuration.webhooks?.[0]?.clientConfig.caBundle).toBe(bundle);
  });

  test('is renewed by one replica and taken over by the other', async () => {
    const api = new FakeApi();
    const clock = new ManualClock();
    const first = aReplica(api, clock);
    const second = aReplica(api, clock);
    await first.cert.check(signal);
    await second.cert.check(signal);
    clock.advance(40 * 86_400_000);
    await second.cert.check(signal);
    await first.cert.check(signal);
    expect(first.served).toHaveLength(2);
    expect(first.served).toEqual(second.served);
  });

  test('is not trusted while there is no configuration', async () => {
    const api = new FakeApi();
    api.configuration = undefined;
    const { cert, served } = aReplica(api);
    await cert.check(signal);
    expect(cert.isTrusted).toBe(false);
    expect(served).toHaveLength(1);
  });
});
