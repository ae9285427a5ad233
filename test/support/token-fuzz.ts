import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import * as fc from 'fast-check';
import { systemClock } from '../../src/lib/clock.ts';
import type { TokenVerifier } from '../../src/ports/identity.ts';
import { createJwksVerifier } from '../../src/sts/oidc/jwks-verifier.ts';

/** The issuer that is believed, and the audience that is asked for. */
const issuer = 'https://issuer.example';
const audience = 'kaap';
const subject = 'system:serviceaccount:shop:web';

const genuine = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const genuineJwk = { ...genuine.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256', use: 'sig' };
const strangerJwk = { ...stranger.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256' };
const publicPem = genuine.publicKey.export({ type: 'spki', format: 'pem' });

const verifier: TokenVerifier = createJwksVerifier({
  provider: 'kubernetes',
  issuer,
  jwks: { keys: { keys: [genuineJwk] } },
  clock: systemClock,
});

/** How a token comes to its signature; only `genuine` is the issuer's doing. */
type Signer =
  'genuine' | 'stranger' | 'hmac of the public key' | 'hmac of the JWK' | 'none' | 'of another token' | 'DER';

/** A token before it is written down: members as JSON texts, so that they may occur twice. */
interface TokenPlan {
  header: readonly (readonly [string, string])[];
  claims: readonly (readonly [string, string])[];
  signer: Signer;
  /** What becomes of the finished text. */
  twist: (token: string) => string;
}

const json = (value: unknown): string => JSON.stringify(value);
const now = (): number => Math.floor(Date.now() / 1000);

/** Mostly the right value, else one of the others, or the member is left out, or stands twice. */
function member(name: string, right: unknown, ...others: unknown[]): fc.Arbitrary<[string, string][]> {
  const pair = (value: unknown): [string, string] => [name, json(value)];
  return fc.oneof<fc.MaybeWeightedArbitrary<[string, string][]>[]>(
    { weight: 12, arbitrary: fc.constant([pair(right)]) },
    { weight: 3, arbitrary: fc.constantFrom(...others).map((value) => [pair(value)]) },
    { weight: 1, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.constantFrom(...others, right).map((value) => [pair(right), pair(value)]) },
  );
}

/** Usually not there. */
function stray(name: string, ...values: unknown[]): fc.Arbitrary<[string, string][]> {
  return fc.oneof<fc.MaybeWeightedArbitrary<[string, string][]>[]>(
    { weight: 12, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.constantFrom(...values).map((value): [string, string][] => [[name, json(value)]]) },
  );
}

const header = fc
  .tuple(
    member('alg', 'ES256', 'none', 'None', 'HS256', 'RS256', 'ES384', 'es256', '', null, ['ES256']),
    member('kid', 'k1', 'k2', '../../k1', '', 1, null),
    stray('typ', 'JWT', 'at+jwt', 'JOSE+JSON', 1),
    stray('jwk', strangerJwk, genuineJwk),
    stray('jku', 'https://evil.example/keys', 'file:///etc/passwd'),
    stray('x5c', ['MIIB'], []),
    stray('crit', ['exp'], ['b64'], [], 'b64'),
    stray('b64', false, true),
    stray('zip', 'DEF'),
    stray('__proto__', { alg: 'none' }),
  )
  .map((parts) => parts.flat());

const claims = fc
  .tuple(
    member('iss', issuer, `${issuer}/`, 'https://evil.example', issuer.toUpperCase(), [issuer], null),
    member('aud', audience, [audience], ['other', audience], 'other', 'KAAP', 'kaap ', [], [[audience]], null, {}),
    member('sub', subject, 'system:serviceaccount:shop', '', 'admin', null, 7),
    member('exp', 4_000_000_000, 1, 0, -1, '4000000000', 1e300, null, '9'),
    member('iat', 1_700_000_000, '1700000000', null, 1e300),
    stray('nbf', 4_000_000_000, 1, '1', null),
    stray('kubernetes.io', { namespace: 'bank' }, null, []),
    stray('__proto__', { aud: audience }),
  )
  .map((parts) => parts.flat());

const twists: readonly ((token: string) => string)[] = [
  (token) => `${token}=`,
  (token) => `${token}.`,
  (token) => ` ${token}`,
  (token) => `${token}\n`,
  (token) => token.slice(0, -1),
  (token) => token.split('.').slice(0, 2).join('.'),
  (token) => token.split('.').toReversed().join('.'),
  (token) => token.replaceAll('-', '+').replaceAll('_', '/'),
  (token) => token.replace('.', '..'),
  (token) => token.padEnd(20_000, 'A'),
];

const plan: fc.Arbitrary<TokenPlan> = fc.record({
  header,
  claims,
  signer: fc.oneof(
    { weight: 6, arbitrary: fc.constant<Signer>('genuine') },
    {
      weight: 4,
      arbitrary: fc.constantFrom<Signer>(
        'stranger',
        'hmac of the public key',
        'hmac of the JWK',
        'none',
        'of another token',
        'DER',
      ),
    },
  ),
  twist: fc.oneof(
    { weight: 8, arbitrary: fc.constant((token: string) => token) },
    { weight: 2, arbitrary: fc.constantFrom(...twists) },
  ),
});

const part = (text: string): string => Buffer.from(text).toString('base64url');
const object = (members: TokenPlan['header']): string =>
  `{${members.map(([name, value]) => `${json(name)}:${value}`).join(',')}}`;

const ecdsa = (text: string, key: KeyObject, dsaEncoding: 'ieee-p1363' | 'der' = 'ieee-p1363'): string =>
  sign('sha256', Buffer.from(text), { key, dsaEncoding }).toString('base64url');

const signatures: Readonly<Record<Signer, (text: string) => string>> = {
  genuine: (text) => ecdsa(text, genuine.privateKey),
  stranger: (text) => ecdsa(text, stranger.privateKey),
  'hmac of the public key': (text) => createHmac('sha256', publicPem).update(text).digest('base64url'),
  'hmac of the JWK': (text) => createHmac('sha256', json(genuineJwk)).update(text).digest('base64url'),
  none: () => '',
  'of another token': () => ecdsa('e30.e30', genuine.privateKey),
  DER: (text) => ecdsa(text, genuine.privateKey, 'der'),
};

function write({ header: head, claims: body, signer, twist }: TokenPlan): { token: string; written: string } {
  const text = `${part(object(head))}.${part(object(body))}`;
  const written = `${text}.${signatures[signer](text)}`;
  return { token: twist(written), written };
}

/** The values of a member; a plan may name it twice. */
const valuesOf = (members: TokenPlan['header'], name: string): string[] =>
  members.filter(([found]) => found === name).map(([, value]) => value);

/** Plainly what a token has to be: the issuer's, as it was written, each claim once and right. */
function isGood(given: TokenPlan, { token, written }: { token: string; written: string }): boolean {
  const only = (members: TokenPlan['header'], name: string): unknown => {
    const [value, another] = valuesOf(members, name);
    return value === undefined || another !== undefined ? undefined : (JSON.parse(value) as unknown);
  };
  const [iss, aud, sub, exp, iat] = ['iss', 'aud', 'sub', 'exp', 'iat'].map((name) => only(given.claims, name));
  const nbf = only(given.claims, 'nbf') ?? 0;
  const forUs =
    aud === audience || (Array.isArray(aud) && aud.includes(audience) && aud.every((item) => typeof item === 'string'));
  const inTime =
    typeof exp === 'number' && exp > now() && typeof iat === 'number' && typeof nbf === 'number' && nbf <= now();
  const signed = given.signer === 'genuine' && token === written && only(given.header, 'alg') === 'ES256';
  return signed && iss === issuer && forUs && inTime && typeof sub === 'string';
}

/** Tokens of every make; one that is accepted is good by the plain model. Counts in `accepted` those that were. */
export function tokenProperty(accepted: { count: number }): fc.IAsyncProperty<[TokenPlan]> {
  return fc.asyncProperty(plan, async (given) => {
    const { token, written } = write(given);
    const verified = await verifier.verify(token, audience, new AbortController().signal).catch(() => undefined);
    if (verified === undefined) return;
    accepted.count += 1;
    if (!isGood(given, { token, written })) throw new Error('a token was accepted that is not good');
    if (verified.serviceAccount !== undefined) throw new Error('a service account was made up');
  });
}
