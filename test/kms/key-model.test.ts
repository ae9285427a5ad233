import { constants, createPublicKey, publicEncrypt } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keepKeys } from '../../src/kms/key-upkeep.ts';
import { KmsScene } from './kms-scene.ts';
import { modelStep } from './model-step.ts';

const dayMs = 86_400_000;
const material = Buffer.alloc(32, 5);

/** What is known of a key with imported material, said in as few words as there are. */
interface Model {
  state: 'Enabled' | 'Disabled' | 'PendingDeletion' | 'PendingImport';
  /** Days until the material ends; absent when there is none, infinite when it does not end. */
  daysLeft?: number;
}

interface Real {
  kms: KmsScene;
  KeyId: string;
  blobs: string[];
  wrapped: { ImportToken: string; EncryptedKeyMaterial: string };
}

type Step = fc.AsyncCommand<Model, Real>;

/** Does `action`, which answers `code` where the model says so, and otherwise changes it. */
function step(
  name: string,
  parameters: (real: Real) => Record<string, unknown>,
  refusal: (model: Model) => string | undefined,
  change: (model: Model, real: Real, answer: Record<string, unknown>) => void,
): Step {
  return modelStep({
    action: name,
    parameters: (_model, real) => ({ KeyId: real.KeyId, ...parameters(real) }),
    refusal,
    change,
    agree: async ({ state }, { kms, KeyId }) => expect(await kms.keyState(KeyId)).toBe(state),
  });
}

const unlessEnabled = ({ state }: Model): string | undefined => (state === 'Enabled' ? undefined : `Rejected.${state}`);
const unlessSwitchable = ({ state }: Model): string | undefined =>
  state === 'Enabled' || state === 'Disabled' ? undefined : 'Rejected.StateModifiedFailed';
const none = (): Record<string, unknown> => ({});

const importFor = (days: number | undefined): Step =>
  step(
    'ImportKeyMaterial',
    ({ kms, wrapped }) => ({
      ...wrapped,
      KeyMaterialExpireUnix: days === undefined ? '0' : String((kms.clock.now() + days * dayMs) / 1000),
    }),
    ({ state }) => (state === 'PendingDeletion' ? 'Rejected.StateModifiedFailed' : undefined),
    (model) => {
      if (model.state === 'PendingImport') model.state = 'Enabled';
      model.daysLeft = days ?? Infinity;
    },
  );

/** A day goes by, with or without the upkeep: nobody may tell the difference. */
const passDay = (swept: boolean): Step => ({
  check: () => true,
  toString: () => (swept ? 'a day and a sweep' : 'a day'),
  run: async (model, real) => {
    real.kms.clock.advance(dayMs);
    if (swept) await keepKeys(real.kms.dependencies, () => undefined);
    if (model.daysLeft !== undefined) model.daysLeft -= 1;
    if (model.daysLeft === 0) {
      delete model.daysLeft;
      if (model.state !== 'PendingDeletion') model.state = 'PendingImport';
    }
    expect(await real.kms.keyState(real.KeyId)).toBe(model.state);
  },
});

const commands = fc.commands(
  [
    fc.constantFrom(importFor(undefined), importFor(1), importFor(2)),
    fc.constantFrom(passDay(false), passDay(true)),
    fc.constantFrom(
      step('EnableKey', none, unlessSwitchable, (model) => (model.state = 'Enabled')),
      step('DisableKey', none, unlessSwitchable, (model) => (model.state = 'Disabled')),
    ),
    fc.constant(
      step(
        'ScheduleKeyDeletion',
        () => ({ PendingWindowInDays: '30' }),
        ({ state }) => (state === 'PendingDeletion' ? 'Rejected.PendingDeletion' : undefined),
        (model) => (model.state = 'PendingDeletion'),
      ),
    ),
    fc.constant(
      step(
        'CancelKeyDeletion',
        none,
        ({ state }) => (state === 'PendingDeletion' ? undefined : 'Rejected.StateModifiedFailed'),
        (model) => (model.state = model.daysLeft === undefined ? 'PendingImport' : 'Enabled'),
      ),
    ),
    fc.constant(
      step(
        'DeleteKeyMaterial',
        none,
        () => undefined,
        (model) => {
          delete model.daysLeft;
          if (model.state !== 'PendingDeletion') model.state = 'PendingImport';
        },
      ),
    ),
    fc.constant(
      step(
        'Encrypt',
        () => ({ Plaintext: 'eA==' }),
        unlessEnabled,
        (_model, { blobs }, { CiphertextBlob }) => blobs.push(CiphertextBlob as string),
      ),
    ),
    fc.constant<Step>({
      check: () => true,
      toString: () => 'Decrypt everything',
      run: async (model, { kms, blobs }) => {
        const code = unlessEnabled(model);
        for (const CiphertextBlob of blobs) {
          if (code === undefined)
            expect(await kms.call('Decrypt', { CiphertextBlob })).toMatchObject({ Plaintext: 'eA==' });
          else expect(await kms.failure('Decrypt', { CiphertextBlob })).toMatch(`${code}: `);
        }
      },
    }),
  ],
  { maxCommands: 30, size: 'max' },
);

async function setup(): Promise<{ model: Model; real: Real }> {
  const kms = new KmsScene();
  const KeyId = await kms.newKey({ Origin: 'EXTERNAL' });
  const wrapping = { WrappingKeySpec: 'RSA_2048', WrappingAlgorithm: 'RSAES_OAEP_SHA_256' };
  const { ImportToken, PublicKey } = (await kms.call('GetParametersForImport', { KeyId, ...wrapping })) as Record<
    string,
    string
  >;
  const spki = createPublicKey({ key: Buffer.from(PublicKey ?? '', 'base64'), format: 'der', type: 'spki' });
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const EncryptedKeyMaterial = publicEncrypt({ key: spki, padding, oaepHash: 'sha256' }, material).toString('base64');
  // The token is for a day only; the model is not about tokens.
  const [row] = await kms.store.scan('kms/import-tokens');
  const record = JSON.parse(Buffer.from(row?.value ?? '').toString()) as Record<string, unknown>;
  await kms.store.transact((transaction) =>
    transaction.put(
      'kms/import-tokens',
      row?.key ?? '',
      Buffer.from(JSON.stringify({ ...record, expireTime: Number.MAX_SAFE_INTEGER })),
    ),
  );
  return {
    model: { state: 'PendingImport' },
    real: { kms, KeyId, blobs: [], wrapped: { ImportToken: ImportToken ?? '', EncryptedKeyMaterial } },
  };
}

describe('a key with imported material', () => {
  it('E1: follows the model of its states through any sequence of calls and days', async () => {
    await fc.assert(
      fc.asyncProperty(commands, async (steps) => {
        const { model, real } = await setup();
        await fc.asyncModelRun(() => ({ model, real }), steps);
      }),
      { numRuns: 30 },
    );
  });
});
