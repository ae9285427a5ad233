import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCertificateAuthority, issueServingCertificate } from '../../src/crypto/x509.ts';
import {
  createKubernetesTokenReview,
  inClusterTokenReview,
  type KubernetesTokenReview,
} from '../../src/providers/kubernetes-token-review.ts';

const spec = { token: 'canary-pod-token', audiences: ['kaap.dev/access-point/shop'] };
/** What the API server is asked the first, second… time. */
const numbered = (time: number): object => ({
  token: spec.token,
  audiences: [...spec.audiences, `kaap.dev/review/number-${time}`],
});
const signal = (): AbortSignal => new AbortController().signal;

interface Seen {
  method: string | undefined;
  url: string | undefined;
  authorization: string | undefined;
  body: unknown;
}

let folder: string;
let server: Server;
let review: KubernetesTokenReview;
let seen: Seen[];
let connections: number;
let answer: (response: ServerResponse) => void;

const newAuthority = () =>
  createCertificateAuthority({ commonName: 'ca', notBefore: Date.now() - 60_000, random: randomBytes });
const file = (name: string): string => join(folder, name);

async function record(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
  seen.push({ method: request.method, url: request.url, authorization: request.headers.authorization, body });
  answer(response);
}

const json = (status: number, body: unknown) => (response: ServerResponse) => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'token-review-'));
  seen = [];
  connections = 0;
  answer = json(201, { kind: 'TokenReview', status: { authenticated: true, audiences: spec.audiences } });
  const authority = newAuthority();
  const { certificatePem: cert, privateKeyPem: key } = issueServingCertificate(authority, {
    dnsNames: [],
    ipAddresses: ['127.0.0.1'],
    notBefore: Date.now() - 60_000,
    random: randomBytes,
  });
  server = createServer({ cert, key }, (request, response) => void record(request, response));
  server.on('secureConnection', () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  writeFileSync(file('ca'), authority.certificatePem);
  writeFileSync(file('token'), 'own-token-1\n');
  review = reviewWithin(60_000);
});

/** The adapter, with time enough for a busy machine or as much as a test says. */
function reviewWithin(timeoutMs: number): KubernetesTokenReview {
  const { port } = server.address() as AddressInfo;
  return createKubernetesTokenReview({
    server: `https://127.0.0.1:${port}`,
    tokenFile: file('token'),
    caFile: file('ca'),
    timeoutMs,
    unique: () => `number-${seen.length + 1}`,
  });
}

afterEach(async () => {
  review.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

describe('a TokenReview', () => {
  test('is created with the own token, and gives the status', async () => {
    expect(await review.reviewToken(spec, signal())).toEqual({ authenticated: true, audiences: spec.audiences });
    expect(seen).toEqual([
      {
        method: 'POST',
        url: '/apis/authentication.k8s.io/v1/tokenreviews',
        authorization: 'Bearer own-token-1',
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: numbered(1) },
      },
    ]);
  });

  test('C3: asks for an audience that it never asked for before, which no API server remembers an answer to', async () => {
    await review.reviewToken(spec, signal());
    await review.reviewToken(spec, signal());
    expect(seen.map(({ body }) => body)).toMatchObject([{ spec: numbered(1) }, { spec: numbered(2) }]);
  });

  test('uses a connection again, and the own token that was renewed meanwhile', async () => {
    await review.reviewToken(spec, signal());
    writeFileSync(file('token'), 'own-token-2');
    await review.reviewToken(spec, signal());
    expect(seen.map(({ authorization }) => authorization)).toEqual(['Bearer own-token-1', 'Bearer own-token-2']);
    expect(connections).toBe(1);
  });

  test.each([
    ['an error', json(500, { message: 'no' })],
    ['no permission', json(403, { status: { authenticated: true } })],
    ['a plain 200', json(200, { status: { authenticated: true } })],
    [
      'a redirect',
      (response: ServerResponse) => void response.writeHead(307, { location: 'https://evil.example' }).end(),
    ],
    ['no JSON', (response: ServerResponse) => void response.writeHead(201).end('canary-answer')],
    ['no status', json(201, { kind: 'TokenReview' })],
    ['null', json(201, null)],
    ['a status that is a text', json(201, { status: 'yes' })],
    ['too much', (response: ServerResponse) => void response.writeHead(201).end('x'.repeat(300_000))],
    [
      'half an answer',
      (response: ServerResponse) =>
        void response.writeHead(201, { 'content-length': '99' }).end('{', () => response.destroy()),
    ],
  ])('C4: rejects when the server answers %s, without a word of either token', async (_title, given) => {
    answer = given;
    const error: unknown = await review.reviewToken(spec, signal()).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).not.toMatch(/canary|own-token/);
  });

  test('C4: rejects when the server is silent for longer than it may be', async () => {
    answer = () => undefined;
    const impatient = reviewWithin(500);
    await expect(impatient.reviewToken(spec, signal())).rejects.toMatchObject({ name: 'AbortError' });
    impatient.close();
  });

  test('C4: rejects when the server has a certificate of another authority, and sends it nothing', async () => {
    writeFileSync(file('ca'), newAuthority().certificatePem);
    await expect(review.reviewToken(spec, signal())).rejects.toThrow(/certificate|signature/i);
    expect(seen).toEqual([]);
  });

  test('C4: believes a changed CA file at the next call, also on connections that are open', async () => {
    await review.reviewToken(spec, signal());
    writeFileSync(file('ca'), newAuthority().certificatePem);
    await expect(review.reviewToken(spec, signal())).rejects.toThrow();
    expect(seen).toHaveLength(1);
  });

  test('C4: rejects when its own token or the CA cannot be read', async () => {
    rmSync(file('token'));
    await expect(review.reviewToken(spec, signal())).rejects.toThrow(/ENOENT/);
  });

  test('C4: is not sent over plain HTTP', () => {
    expect(() => createKubernetesTokenReview({ ...inClusterTokenReview, server: 'http://127.0.0.1:1' })).toThrow(
      /https/,
    );
  });

  test('ends when the caller gives up', async () => {
    answer = () => undefined;
    await expect(review.reviewToken(spec, AbortSignal.timeout(20))).rejects.toThrow();
  });
});
