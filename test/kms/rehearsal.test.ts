import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKmsActions } from '../../src/kms/actions.ts';
import { unsupportedActions } from '../../src/kms/actions/account/unsupported.ts';
import { rehearsalOf } from '../../src/kms/rehearsal.ts';
import type { KeyMaterial } from '../../src/ports/key-provider.ts';
import type { StoreChange } from '../../src/ports/store.ts';
import { SoftwareProvider } from '../../src/providers/software-provider.ts';
import { RehearsedStore } from '../../src/storage/rehearsed-store.ts';
import { documentedActions } from '../../tools/generate/documented-actions.ts';
import { sendRaw, signedRequest, startTestGateway, type TestGateway } from '../support/test-gateway.ts';
import { KmsScene } from './kms-scene.ts';
import { hardware, removeAuthority, soundCalls, Stage, type Parameters } from './sound-calls.ts';

/** Keeps material elsewhere than in the store, as an HSM does, and counts what it made and destroyed. */
class CountingToken extends SoftwareProvider {
  made = 0;
  destroyed = 0;
  ill: string | undefined;

  constructor() {
    super({ random: randomBytes });
    Object.defineProperty(this, 'kind', { value: 'pkcs11' });
  }

  override generate(keySpec: string): Promise<KeyMaterial> {
    this.made += 1;
    return super.generate(keySpec);
  }

  destroy(): Promise<void> {
    this.destroyed += 1;
    return Promise.resolve();
  }

  problem(): Promise<string | undefined> {
    return Promise.resolve(this.ill);
  }
}

let token: CountingToken;
let kms: KmsScene;
let gateway: TestGateway;
let changes: StoreChange[];
beforeEach(async () => {
  token = new CountingToken();
  kms = new KmsScene([{ id: hardware, type: 'Hardware' }], { pkcs11: token });
  const { dependencies } = kms;
  kms.clock.stepWallClockTo(Date.now());
  gateway = await startTestGateway({
    actions: createKmsActions(dependencies, () => rehearsalOf(dependencies, new RehearsedStore(kms.store))),
    clock: kms.clock,
  });
  changes = [];
  kms.store.watch((committed) => changes.push(...committed));
});
afterEach(() => gateway.close());
afterAll(removeAuthority);

async function outcome(action: string, parameters: Parameters, besides: Parameters = {}): Promise<string> {
  const body = new URLSearchParams(Object.entries({ ...parameters, ...besides }) as [string, string][]).toString();
  const { status, json } = await sendRaw(gateway, signedRequest(gateway, { action, body }));
  return status === 200 ? 'OK' : String(json['Code']);
}

/** Runs dry, and makes sure that nothing came of it but a record that says so. */
async function dryRun(action: string, parameters: Parameters): Promise<string> {
  const before = { changes: changes.length, own: kms.ownChanges.length, made: token.made, destroyed: token.destroyed };
  const code = await outcome(action, parameters, { DryRun: 'true' });
  const after = { changes: changes.length, own: kms.ownChanges.length, made: token.made, destroyed: token.destroyed };
  expect(after).toEqual(before);
  expect(gateway.audit.events.at(-1)).toMatchObject({ action, dryRun: true, outcome: code });
  return code;
}

const names = new KmsScene().actionNames;
/** Those that refuse whatever they are asked. */
const refusing: Readonly<Record<string, string>> = {
  OpenKmsService: 'Forbidden.Opened',
  ...Object.fromEntries([...unsupportedActions.keys()].map((name) => [name, 'UnsupportedOperation'])),
};

describe('A dry run', () => {
  it('has a call for every action', () => {
    expect([...Object.keys(soundCalls), ...Object.keys(refusing)].toSorted()).toEqual(names.toSorted());
  });

  it.each(Object.keys(soundCalls))('of %s that would succeed says so and changes nothing', async (action) => {
    const parameters = (await soundCalls[action]?.(new Stage(kms))) ?? {};
    expect(await dryRun(action, parameters)).toBe('DryRunOperationError');
    expect(await outcome(action, parameters)).toBe('OK');
  });

  it.each(Object.entries(refusing))('of %s says %s, as the call does', async (action, code) => {
    expect(await dryRun(action, {})).toBe(code);
    expect(await outcome(action, {})).toBe(code);
  });

  const withDryRun = documentedActions.filter(({ parameters }) => parameters.includes('DryRun'));

  it.each(withDryRun.map(({ name }) => name))('of %s that is forbidden says so', async (action) => {
    const parameters = (await soundCalls[action]?.(new Stage(kms))) ?? {};
    const body = new URLSearchParams({ ...(parameters as Record<string, string>), DryRun: 'true' }).toString();
    const request = signedRequest(gateway, { action, body, accessKeyId: 'nobody' });
    expect((await sendRaw(gateway, request)).json['Code']).toBe('Forbidden.NoPermission');
  });

  const missing = {
    KeyId: 'none',
    SecretName: 'none',
    DataKeyName: 'none',
    CertificateId: 'none',
    Name: 'none',
    AliasName: 'alias/none',
  };
  const named = Object.keys(soundCalls).filter(
    (action) => !action.startsWith('Create') || action.endsWith('KeyVersion'),
  );

  it.each(named)('of %s on what is not there says what the call says', async (action) => {
    const sound = (await soundCalls[action]?.(new Stage(kms))) ?? {};
    const parameters = { ...sound, ...Object.fromEntries(Object.entries(missing).filter(([name]) => name in sound)) };
    const expected = await dryRun(action, parameters);
    const real = await outcome(action, parameters);
    expect(expected).toBe(real === 'OK' ? 'DryRunOperationError' : real);
  });
});

/** What is wrong about a sound call, and the error of the API's table. */
type Fault = [
  action: string,
  what: string,
  code: string,
  spoil: (call: Parameters, stage: Stage) => Promise<Parameters>,
];

const disabled = async (call: Parameters, stage: Stage): Promise<Parameters> => {
  const keys = await stage.do('ListKeys', { PageSize: '100' });
  for (const { KeyId } of (keys['Keys'] as { Key: { KeyId: string }[] }).Key) await stage.do('DisableKey', { KeyId });
  return call;
};
const spoiled =
  (changed: Parameters) =>
  (call: Parameters): Promise<Parameters> =>
    Promise.resolve({ ...call, ...changed });

const working = [
  'GetManagedDataKey CreateManagedDataKey CreateManagedDataKeyVersion',
  'Encrypt Decrypt ReEncrypt GenerateDataKey GenerateDataKeyWithoutPlaintext GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext ExportDataKey GenerateAndExportDataKey AsymmetricSign AsymmetricVerify',
  'AsymmetricEncrypt AsymmetricDecrypt GetPublicKey GenerateMac VerifyMac',
].flatMap((line) => line.split(' '));

const faults: readonly Fault[] = [
  ...working.map((action): Fault => [action, 'a disabled key', 'Rejected.Disabled', disabled]),
  ['Decrypt', 'another context', 'InvalidCiphertext', spoiled({ EncryptionContext: '{"a":"c"}' })],
  ['Encrypt', 'a text that is too long', 'InvalidParameter', spoiled({ Plaintext: 'A'.repeat(12_000) })],
  ['AsymmetricSign', 'an algorithm of other keys', 'InvalidParameter', spoiled({ Algorithm: 'RSA_PSS_SHA_256' })],
  ['GetSecretValue', 'a version that is not there', 'Forbidden.ResourceNotFound', spoiled({ VersionId: 'none' })],
  [
    'CreateAlias',
    'the name of another',
    'AliasAlreadyExists',
    (call, stage) => stage.alias().then(() => ({ ...call, AliasName: 'alias/shop' })),
  ],
  ['CreateSecret', 'the name of another', 'Rejected.ResourceExist', (call, stage) => stage.secret().then(() => call)],
  [
    'CreateManagedDataKey',
    'the name of another',
    'Rejected.ResourceExist',
    (call, stage) => stage.dataKey().then(() => call),
  ],
  [
    'GetManagedDataKey',
    'a version that is not there',
    'Forbidden.ResourceNotFound',
    spoiled({ DataKeyVersionId: 'x' }),
  ],
  ['ImportKeyMaterial', 'bytes that nobody wrapped', 'InvalidKeyMaterial', spoiled({ EncryptedKeyMaterial: 'AAAA' })],
  [
    'DeletePolicy',
    'an access point that has it',
    'Rejected.ResourceInUse',
    async (call, stage) => {
      await stage.do('CreateApplicationAccessPoint', { Name: 'shop', Policies: '["shop"]' });
      return call;
    },
  ],
];

describe('A dry run of a call that would fail', () => {
  it.each(faults)('%s with %s says %s, as the call does', async (action, _what, code, spoil) => {
    const stage = new Stage(kms);
    const parameters = await spoil((await soundCalls[action]?.(stage)) ?? {}, stage);
    expect(await dryRun(action, parameters)).toBe(code);
    expect(await outcome(action, parameters)).toBe(code);
  });

  it('does not count against what a caller may do in an hour, nor against an import token', async () => {
    const wrapped = { ...(await new Stage(kms).wrapped()) };
    const wrong = { ...wrapped, EncryptedKeyMaterial: 'AAAA' };
    for (let times = 0; times < 20; times += 1)
      expect(await dryRun('ImportKeyMaterial', wrong)).toBe('InvalidKeyMaterial');
    expect(await outcome('ImportKeyMaterial', wrapped)).toBe('OK');
  });

  it('makes no key in an HSM, and says when the HSM cannot make one', async () => {
    const parameters = { DKMSInstanceId: hardware };
    expect(await dryRun('CreateKey', parameters)).toBe('DryRunOperationError');
    token.ill = 'The HSM does not answer.';
    expect(await dryRun('CreateKey', parameters)).toBe('Rejected.Unavailable');
    expect(token.made).toBe(0);
  });
});
