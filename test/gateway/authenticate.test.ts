import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { authenticate } from '../../src/gateway/authenticate.ts';
import { MemoryNonceStore, type NonceClaim } from '../../src/gateway/nonce-store.ts';
import type { Proof } from '../../src/gateway/protocols/protocol.ts';
import type { VerificationKey } from '../../src/gateway/signature.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { SecretBytes } from '../../src/lib/secret-bytes.ts';
import type { Principal } from '../../src/policy/principal.ts';
import type { AccessKeyCredential, Credential } from '../../src/ports/identity.ts';
import { testAccount, testCredentials } from '../support/test-gateway.ts';

const clock = new ManualClock(Date.now());
const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const known: ReadonlyMap<string, Credential> = testCredentials();

/** Authenticates, and gives the error with the keys that the signature was verified with. */
async function verified(accessKeyId: string, keyKind: VerificationKey['kind']): Promise<[string, VerificationKey[]]> {
  const keys: VerificationKey[] = [];
  const proof: Proof = {
    accessKeyId,
    securityToken: undefined,
    timestamp: clock.now(),
    expiredCode: 'InvalidTimeStamp.Expired',
    nonce: 'n',
    mismatchMessage: 'no match',
    keyKind,
    verify: (key) => {
      keys.push(key);
      return false;
    },
  };
  const nonces = new MemoryNonceStore({ clock, salt: randomBytes(32) });
  const credentials = { find: (id: string) => Promise.resolve(known.get(id)) };
  const code = await authenticate({ credentials, nonces, clock }, proof).then(
    () => 'OK',
    (error: { code: string }) => error.code,
  );
  return [code, keys];
}

describe('C11: a signature is verified once, with a key of its kind and size', () => {
  it('for a key id that is known', async () => {
    const [code, keys] = await verified('root', 'AccessKey');
    expect(code).toBe('SignatureDoesNotMatch');
    expect(keys.map(({ kind }) => kind)).toEqual(['AccessKey']);
  });

  it.each(['unknown', 'x'.repeat(129), ''])('for a key id that is of nobody: %s', async (id) => {
    const [code, keys] = await verified(id, 'AccessKey');
    expect(code).toBe('InvalidAccessKeyId.NotFound');
    expect(keys.map(({ kind }) => kind)).toEqual(['AccessKey']);
  });

  it('for a client key that is of nobody, with as much work as for a real one', async () => {
    const [code, [decoy]] = await verified('KAAP.none', 'ClientKey');
    expect(code).toBe('InvalidAccessKeyId.NotFound');
    const details = decoy?.kind === 'ClientKey' ? decoy.publicKey.asymmetricKeyDetails : undefined;
    expect(details).toEqual(publicKey.asymmetricKeyDetails);
  });

  it('for an access key whose id comes with the signature of a client key', async () => {
    const [code, keys] = await verified('root', 'ClientKey');
    expect(code).toBe('SignatureDoesNotMatch');
    expect(keys.map(({ kind }) => kind)).toEqual(['ClientKey']);
  });
});

describe('Where the claim of a nonce is a look for changes, a signature is verified with the access key as it was known last', () => {
  const secret = SecretBytes.fromUtf8('the-secret-of-this-test');
  const principal: Principal = { kind: 'Account', accountId: testAccount, accessKeyId: 'root' };
  const present = { kind: 'AccessKey', accessKeyId: 'root', secret, principal, active: true } as const;
  /** The same key after something about it was changed and changed back. */
  const renewed = { ...present, secret: SecretBytes.fromUtf8('the-secret-of-this-test') };
  const otherSecret = SecretBytes.fromUtf8('another-secret-of-this-test');

  interface Course {
    /** What was done, in order. */
    steps: string[];
    outcome: string;
  }

  /** Authenticates somebody who signed with `signedWith`, when `recalled` was known and `found` is the truth. */
  async function course(
    recalled: AccessKeyCredential | undefined,
    found: Credential | undefined,
    { signedWith = secret, claim = 'fresh', claimsLook = true, nonce = 'n' }: Partial<Situation> = {},
  ): Promise<Course> {
    const steps: string[] = [];
    const step = <T>(name: string, result: T): T => {
      steps.push(name);
      return result;
    };
    const proof: Proof = {
      accessKeyId: 'root',
      securityToken: undefined,
      timestamp: clock.now(),
      expiredCode: 'InvalidTimeStamp.Expired',
      nonce,
      mismatchMessage: 'no match',
      keyKind: 'AccessKey',
      verify: (key) => step('verify', key.kind === 'AccessKey' && key.secret.reveal().equals(signedWith.reveal())),
    };
    const outcome = await authenticate(
      {
        credentials: { find: () => Promise.resolve(step('find', found)), recall: () => step('recall', recalled) },
        nonces: { claimsLook, claim: () => Promise.resolve(step('claim', claim)) },
        clock,
      },
      proof,
    ).then(
      ({ kind }) => kind,
      (error: { code: string }) => error.code,
    );
    return { steps, outcome };
  }

  interface Situation {
    signedWith: SecretBytes;
    claim: NonceClaim;
    claimsLook: boolean;
    nonce: string;
  }

  it('and counts when the key is found unchanged', async () => {
    expect(await course(present, present)).toEqual({
      steps: ['recall', 'verify', 'claim', 'find'],
      outcome: 'Account',
    });
  });

  it('C11: once, also when it is wrong; then it uses up no nonce', async () => {
    expect(await course(present, present, { signedWith: otherSecret })).toEqual({
      steps: ['recall', 'verify', 'find'],
      outcome: 'SignatureDoesNotMatch',
    });
  });

  it('but not when no key was known: then as ever', async () => {
    const steps = ['recall', 'find', 'verify', 'claim'];
    expect(await course(undefined, present)).toEqual({ steps, outcome: 'Account' });
  });

  it('D9: and it is refused when the key was deleted meanwhile', async () => {
    expect(await course(present, undefined)).toEqual({
      steps: ['recall', 'verify', 'claim', 'find', 'verify'],
      outcome: 'InvalidAccessKeyId.NotFound',
    });
  });

  it('D9: and it is refused when the key was switched off meanwhile', async () => {
    const { outcome } = await course(present, { ...renewed, active: false });
    expect(outcome).toBe('InvalidAccessKeyId.Inactive');
  });

  it('and again with the key that is found, when that is another; the nonce is claimed once', async () => {
    const steps = ['recall', 'verify', 'claim', 'find', 'verify'];
    expect(await course(present, renewed)).toEqual({ steps, outcome: 'Account' });
    const replaced = { ...present, secret: otherSecret };
    expect(await course(present, replaced)).toEqual({ steps, outcome: 'SignatureDoesNotMatch' });
  });

  it('and a nonce that was used is refused, of a key that is gone as of one that is not there', async () => {
    expect((await course(present, present, { claim: 'used' })).outcome).toBe('SignatureNonceUsed');
    expect((await course(present, undefined, { claim: 'used' })).outcome).toBe('InvalidAccessKeyId.NotFound');
  });

  it('but not elsewhere, nor with a nonce that is too long', async () => {
    expect((await course(present, present, { claimsLook: false })).steps).toEqual(['find', 'verify', 'claim']);
    const long = await course(present, present, { nonce: 'n'.repeat(257) });
    expect(long).toEqual({ steps: ['find', 'verify'], outcome: 'InvalidParameter' });
  });
});
