import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { TokenBuckets } from '../../src/lib/token-buckets.ts';
import { isAllowedAddress } from '../../src/providers/xki-address-guard.ts';
import { createXkiTransport } from '../../src/providers/xki-transport.ts';
import { instance, XkiScene, type XkiSceneOptions } from '../support/xki-scene.ts';

type Intercept = NonNullable<XkiSceneOptions['intercept']>;
const placement = { scope: instance, externalKeyId: 'full' };
const none = Buffer.alloc(0);
const opened: XkiScene[] = [];

async function start(options: XkiSceneOptions = {}): Promise<XkiScene> {
  const scene = await XkiScene.start(options);
  opened.push(scene);
  return scene;
}

/** Lets what the proxy answers to one operation pass through `change`. */
function changing(operation: string, change: (answer: Record<string, string>) => unknown): Intercept {
  return (request, response, passOn) => {
    if (request.url?.endsWith(`/${operation}`) !== true) return passOn();
    const end = response.end.bind(response);
    const writeHead = response.writeHead.bind(response);
    let answered = 200;
    response.writeHead = (status: number) => {
      answered = status;
      return response;
    };
    response.end = ((text: string) => {
      const body = JSON.stringify(change(JSON.parse(text) as Record<string, string>));
      response.writeHead = writeHead;
      writeHead(answered, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
      return end(body);
    }) as typeof response.end;
    return passOn();
  };
}

function flipped(base64: string | undefined): string {
  const bytes = Buffer.from(base64 ?? '', 'base64');
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return bytes.toString('base64');
}

describe('XkiProvider', () => {
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((scene) => scene.close()));
  });

  it('keeps of a key nothing but its instance and its id', async () => {
    const scene = await start();
    const { bytes } = await scene.provider().generate('Aliyun_AES_256', placement);
    expect(JSON.parse(bytes.toString())).toEqual({ instance, externalKeyId: 'full' });
  });

  it('two KMS keys on one external key do not decrypt for each other', async () => {
    const provider = (await start()).provider();
    const one = await provider.generate('Aliyun_AES_256', placement);
    const other = await provider.generate('Aliyun_AES_256', placement);
    const parts = await provider.encrypt(one, Buffer.from('x'), none);
    await expect(provider.decrypt(other, parts, none)).rejects.toThrow('cannot be decrypted');
  });

  it.each(['ciphertext', 'authenticationTag', 'initializationVector', 'ciphertextDataIntegrityValue'])(
    'F5: an altered %s is refused by the integrity value, and nothing is stored',
    async (field) => {
      const scene = await start({
        intercept: changing('encrypt', (answer) => ({ ...answer, [field]: flipped(answer[field]) })),
      });
      const provider = scene.provider();
      const material = await provider.generate('Aliyun_AES_256', placement);
      await expect(provider.encrypt(material, Buffer.from('x'), none)).rejects.toMatchObject({
        code: 'ServiceUnavailableTemporary',
        cause: { message: 'The answer of the proxy does not have the integrity value that it gives.' },
      });
    },
  );

  it('F5: the answer to an earlier encryption is refused, though its integrity value is right', async () => {
    let first: unknown;
    const scene = await start({ intercept: changing('encrypt', (answer) => (first ??= answer)) });
    const provider = scene.provider();
    const material = await provider.generate('Aliyun_AES_256', placement);
    await provider.encrypt(material, Buffer.from('same'), none);
    await expect(provider.encrypt(material, Buffer.from('same'), none)).rejects.toMatchObject({
      code: 'ServiceUnavailableTemporary',
    });
  });

  it('F5: the answer to an earlier decryption, and any other plaintext, is refused', async () => {
    let first: Record<string, string> | undefined;
    const scene = await start({ intercept: changing('decrypt', (answer) => (first ??= answer)) });
    const provider = scene.provider();
    const material = await provider.generate('Aliyun_AES_256', placement);
    const one = await provider.encrypt(material, Buffer.from('one'), none);
    const two = await provider.encrypt(material, Buffer.from('two'), none);
    expect((await provider.decrypt(material, one, none)).toString()).toBe('one');
    await expect(provider.decrypt(material, two, none)).rejects.toThrow('another plaintext');
  });

  it('F4: never takes longer than its budget, opens the circuit, and closes it when the proxy is back', async () => {
    let hangs = false;
    const seen: boolean[] = [];
    const scene = await start({ intercept: (_request, _response, passOn) => (hangs ? undefined : passOn()) });
    const client = scene.client({ budgetMs: 250, onConnection: (connected) => seen.push(connected) });
    const provider = scene.provider(client);
    const material = await provider.generate('Aliyun_AES_256', placement);
    hangs = true;
    await expect(provider.encrypt(material, Buffer.from('x'), none)).rejects.toMatchObject({
      code: 'ServiceUnavailableTemporary',
    });
    await expect.poll(() => client.status, { timeout: 1000 }).toBe('Disconnected');
    expect(await provider.problem(instance)).toContain('is Disconnected');
    hangs = false;
    await expect.poll(() => client.status, { timeout: 5000 }).toBe('Connected');
    expect((await provider.encrypt(material, Buffer.from('x'), none)).iv).toHaveLength(12);
    expect(seen).toEqual([false, true]);
  });

  it('F4: a proxy that throttles has all the same its connection: who called too often is told to wait', async () => {
    const limits = { perKey: new TokenBuckets({ burst: 3, perSecond: 0 }, systemClock) };
    const scene = await start({ limits });
    const client = scene.client();
    const provider = scene.provider(client);
    const material = await provider.generate('Aliyun_AES_256', placement);
    const calls = Array.from({ length: 10 }, () => provider.encrypt(material, Buffer.from('x'), none));
    const settled = await Promise.allSettled(calls);
    const refused = settled.flatMap((one) =>
      one.status === 'rejected' ? [(one.reason as { code: string }).code] : [],
    );
    expect(new Set(refused)).toEqual(new Set(['Rejected.Throttling']));
    expect(refused.length).toBeGreaterThan(6);
    const other = await provider.generate('Aliyun_AES_256', { ...placement, externalKeyId: 'other' });
    await provider.encrypt(other, Buffer.from('x'), none);
    expect(client.status).toBe('Connected');
  });

  it('F4: a first attempt that hangs is overtaken by a second one', async () => {
    let held = 0;
    const scene = await start({
      intercept: (request, _response, passOn) => {
        if (request.url?.endsWith('/encrypt') === true && (held += 1) === 1) return;
        passOn();
      },
    });
    const provider = scene.provider(scene.client({ budgetMs: 2000 }));
    const material = await provider.generate('Aliyun_AES_256', placement);
    expect((await provider.encrypt(material, Buffer.from('x'), none)).iv).toHaveLength(12);
    expect(held).toBe(2);
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['a redirect', (response) => response.writeHead(307, { location: 'https://169.254.169.254/' }).end()],
    ['status 500', (response) => response.writeHead(500).end('oops')],
    ['something else than JSON', (response) => response.writeHead(200).end('<html>')],
    ['JSON without the fields', (response) => response.writeHead(200).end('{}')],
  ])('F4: %s is no answer and is not followed', async (_name, answer) => {
    const asked: string[] = [];
    const scene = await start({
      intercept: (request: IncomingMessage, response, passOn) => {
        if (request.url?.endsWith('/encrypt') !== true) return passOn();
        asked.push(request.url);
        return answer(response);
      },
    });
    const provider = scene.provider();
    const material = await provider.generate('Aliyun_AES_256', placement);
    await expect(provider.encrypt(material, Buffer.from('x'), none)).rejects.toMatchObject({
      code: 'ServiceUnavailableTemporary',
    });
    expect(asked.length).toBeLessThanOrEqual(2);
  });

  it('F4: the fingerprint pins the certificate: the right one needs no authority, another is refused', async () => {
    const scene = await start();
    const pinned = scene.client({}, { caPem: undefined, certificateFingerprint: scene.fingerprint });
    expect((await pinned.metadata('full')).keyStatus).toBe('ENABLED');
    const wrong = scene.client({}, { certificateFingerprint: randomBytes(32).toString('hex') });
    await expect(wrong.metadata('full')).rejects.toThrow('fingerprint');
  });

  it('F4: a name that leads to an internal address is refused, also among others and after a rebind', async () => {
    const scene = await start();
    const { port } = new URL(scene.endpoint);
    const answers = [[{ address: '203.0.113.7', family: 4 }], [{ address: '127.0.0.1', family: 4 }]];
    let asked = 0;
    const rebinding = scene.client(
      {},
      {
        endpoint: `https://proxy.example.com:${port}`,
        allowedNetworks: [],
        resolve: (_host, done) => done(null, [...(answers[0] ?? []), ...(answers[Math.min((asked += 1), 1)] ?? [])]),
      },
    );
    await expect(rebinding.metadata('full')).rejects.toThrow('internal address');
    expect(() => createXkiTransport({ endpoint: 'https://169.254.169.254' })).toThrow('internal address');
    expect(() => createXkiTransport({ endpoint: 'https://proxy.example.com/path' })).toThrow(TypeError);
    expect(scene.events.filter(({ action }) => action === 'metadata')).toEqual([]);
  });

  it.each([
    ['127.0.0.1', false],
    ['10.1.2.3', false],
    ['169.254.169.254', false],
    ['100.64.0.1', false],
    ['::1', false],
    ['fe80::1', false],
    ['fd00::1', false],
    ['::ffff:10.0.0.1', false],
    ['0.0.0.0', false],
    ['1.1.1.1', true],
    ['2606:4700::1111', true],
  ])('F4: %s may be a proxy by default: %s', (address, allowed) => {
    expect(isAllowedAddress(address, [])).toBe(allowed);
    expect(isAllowedAddress(address, ['0.0.0.0/0', '::/0'])).toBe(true);
  });

  it('F6: says which of the three is in the way: the key, the proxy, or the external key', async () => {
    const scene = await start();
    const provider = scene.provider();
    const material = await provider.generate('Aliyun_AES_256', placement);
    await scene.setStatus('full', 'DISABLED');
    await expect
      .poll(() => provider.encrypt(material, Buffer.from('x'), none).catch(String), { timeout: 1000 })
      .toContain('The external key full is DISABLED at its owner');
    await expect.poll(() => provider.problem(instance, material), { timeout: 1000 }).toContain('DISABLED');
    await scene.setStatus('full', 'ENABLED');
    await expect.poll(() => provider.problem(instance, material), { timeout: 2000 }).toBeUndefined();
  });
});
