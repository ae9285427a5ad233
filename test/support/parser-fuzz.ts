import { generateKeyPairSync, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { openClientKeyFile } from '../../src/crypto/client-key-file.ts';
import { createClientKey } from '../../src/crypto/client-key.ts';
import { Pkcs12Error, readPkcs12 } from '../../src/crypto/pkcs12-reader.ts';
import { acs3 } from '../../src/gateway/protocols/acs3.ts';
import { instance } from '../../src/gateway/protocols/instance/protocol.ts';
import { rpcV1 } from '../../src/gateway/protocols/rpc-v1.ts';
import type { WireRequest } from '../../src/gateway/wire-request.ts';
import { ApiError } from '../../src/lib/errors.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { blockContains, parseAddress, parseAddressBlock } from '../../src/policy/cidr.ts';
import { isCanonicalRelativeId, parseArn, roleNameOf } from '../../src/policy/arn.ts';
import { parsePolicyDocument } from '../../src/policy/document.ts';
import type { TokenVerifier } from '../../src/ports/identity.ts';
import { TokenIssuer } from '../../src/cmd/standalone/token-issuer.ts';
import { createJwksVerifier } from '../../src/sts/oidc/jwks-verifier.ts';
import { tokenProperty } from './token-fuzz.ts';

/** One parser of what strangers send: a property that holds for whatever comes. */
export interface ParserProperty {
  /** Completes "whatever comes, …". */
  readonly title: string;
  readonly property: fc.IAsyncProperty<[string]> | fc.IAsyncProperty<[Uint8Array]> | ReturnType<typeof tokenProperty>;
}

/** Texts near to what is meant: fragments of valid ones, in any order, with noise between. */
const near = (...fragments: string[]): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...fragments) }, fc.string({ unit: 'binary', maxLength: 6 })),
      {
        maxLength: 14,
      },
    )
    .map((parts) => parts.join(''));

/** A copy with some bytes changed, cut off or added. */
const mutated = (original: Uint8Array): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(
      fc.array(fc.tuple(fc.nat({ max: original.length - 1 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 6 }),
      fc.nat({ max: original.length }),
      fc.boolean(),
    )
    .map(([changes, length, cut]) => {
      const copy = Uint8Array.from(original);
      for (const [at, value] of changes) copy[at] = value;
      return cut ? copy.subarray(0, length) : copy;
    });

/** Passes where `work` gives an answer or refuses in the way that it should; throws at anything else. */
async function refusedOrDone(work: () => unknown, isRefusal: (error: unknown) => boolean): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
}

const isApiError = (error: unknown): boolean => error instanceof ApiError;

const arns = fc.asyncProperty(
  near('acs:', 'kms:', 'ram:', ':', '::', '/', 'key/', 'secret/', 'role/', '*', '..', '%2e', '1000', 'a', 'local'),
  async (text) => {
    const arn = parseArn(text);
    if (arn !== undefined) {
      const { service, region, account, relativeId } = arn;
      if (`acs:${service}:${region}:${account}:${relativeId}` !== text) throw new Error('another reading of the ARN');
      if (!isCanonicalRelativeId(relativeId) || /[*%]|(?:^|\/)\.{1,2}(?:\/|$)/.test(relativeId))
        throw new Error('not canonical');
    }
    const role = roleNameOf(text, '1000');
    if (role !== undefined && text !== `acs:ram::1000:role/${role}`) throw new Error('another role');
    await Promise.resolve();
  },
);

const cidrs = fc.asyncProperty(
  near('10.', '0', '.', '/', '255', ':', '::', 'ffff', '8', '32', '128', '%eth0', '::ffff:', '0x', '01'),
  async (text) => {
    const address = parseAddress(text);
    if (address !== undefined && parseAddress(address.toString())?.toString() !== address.toString()) {
      throw new Error('an address that reads back as another');
    }
    await refusedOrDone(() => {
      const block = parseAddressBlock(text);
      if (address !== undefined && !text.includes('/') && !blockContains(block, address))
        throw new Error('not in itself');
    }, isApiError);
  },
);

const documents = fc.asyncProperty(
  near(
    '{',
    '}',
    '[',
    ']',
    '"Version":"1"',
    ',',
    '"Statement":',
    '"Effect":"Allow"',
    '"Action":"kms:*"',
    '"__proto__":',
    '"*"',
  ),
  async (text) => {
    for (const kind of ['identity', 'session', 'resource', 'trust'] as const) {
      await refusedOrDone(() => parsePolicyDocument(text, kind), isApiError);
    }
  },
);

function wire(text: string): WireRequest {
  const [query = '', headerText = '', body = ''] = text.split('\n');
  const headers = Object.fromEntries(
    headerText.split(';').map((pair) => [pair.split('=')[0] ?? '', pair.slice(pair.indexOf('=') + 1)]),
  );
  return {
    method: 'POST',
    path: '/',
    query,
    headers: { host: 'kms', ...headers },
    body: Buffer.from(body),
    sourceIp: '10.0.0.1',
    secureTransport: true,
  };
}

const signatures = fc.asyncProperty(
  near(
    'Action=Encrypt&',
    'Version=2016-01-20&',
    'AccessKeyId=a&',
    'Signature=AAAA&',
    'SignatureMethod=HMAC-SHA1&',
    '\n',
    ';',
    '=',
    'authorization=ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=00',
    'x-acs-action=Encrypt',
    'x-acs-version=2016-01-20',
    'x-kms-acccesskeyid=KAAP.1',
    'x-kms-apiname=Encrypt',
    'date=Mon, 01 Jan 2026 00:00:00 GMT',
    'Timestamp=2026-01-01T00:00:00Z&',
    'SignatureNonce=n&',
    '%',
    '%41',
    'x-acs-date=2026-01-01T00:00:00Z',
  ),
  async (text) => {
    for (const protocol of [acs3, instance, rpcV1]) {
      await refusedOrDone(() => protocol.parse(wire(text)), isApiError);
      protocol.recognizes(wire(text));
    }
  },
);

const issuer = new TokenIssuer(systemClock);
const verifier: TokenVerifier = createJwksVerifier({
  provider: 'kubernetes',
  issuer: issuer.issuer,
  jwks: { keys: issuer.jwks },
  clock: systemClock,
});

const words = { namespace: 'shop', serviceAccount: 'web', audience: 'kaap' };

async function tokens(): Promise<ParserProperty['property']> {
  const [header = '', payload = '', signature = ''] = (await issuer.issue({ ...words, lifetimeSeconds: 86_400 })).split(
    '.',
  );
  const none = Buffer.from('{"alg":"none"}').toString('base64url');
  const hmac = Buffer.from('{"alg":"HS256"}').toString('base64url');
  const genuine = `${header}.${payload}.${signature}`;
  return fc.asyncProperty(near(header, payload, signature, '.', none, hmac, 'e30', '='), async (text) => {
    const accepted = await refusedOrDone(() => verifier.verify(text, 'kaap', new AbortController().signal), isApiError);
    if (accepted && text !== genuine) throw new Error('a token was accepted that nobody issued');
  });
}

async function keyFiles(): Promise<ParserProperty[]> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  const validity = { notBefore: Date.UTC(2020, 0, 1), notAfter: Date.UTC(2090, 0, 1) };
  const password = 'Correct-horse-9';
  const made = await createClientKey({ name: 'shop', password, ...validity, random: randomBytes, keyPem });
  const original = Buffer.from(made.privateKeyData, 'base64');
  const isRefusal = (error: unknown): boolean => error instanceof Pkcs12Error || error instanceof ApiError;
  return [
    {
      title: 'C5: a PKCS#12 file is read or refused, in bounded time',
      property: fc.asyncProperty(mutated(original), async (bytes) => {
        await refusedOrDone(() => readPkcs12(Buffer.from(bytes), password), isRefusal);
      }),
    },
    {
      title: 'C5: a client key file is read or refused',
      property: fc.asyncProperty(
        near('{', '}', '"KeyId":', '"KAAP.1"', '"PrivateKeyData":', '"MIIJ"', ','),
        async (text) => {
          await refusedOrDone(() => openClientKeyFile(text, password), isRefusal);
        },
      ),
    },
  ];
}

/** A property for each parser of what strangers send. */
export async function parserProperties(): Promise<readonly ParserProperty[]> {
  return [
    { title: 'D1: an ARN has one reading or none', property: arns },
    { title: 'D6: an address or block has one reading or none', property: cidrs },
    { title: 'I1: a policy document is read or refused', property: documents },
    { title: 'C6: a signed request is read or refused', property: signatures },
    { title: 'C2: a token is refused unless it is the one that was issued', property: await tokens() },
    { title: 'C2: a token of any make is accepted only if it is good', property: tokenProperty({ count: 0 }) },
    ...(await keyFiles()),
  ];
}
