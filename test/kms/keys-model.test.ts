import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keepKeys } from '../../src/kms/key-upkeep.ts';
import { Purge } from '../../src/kms/purge.ts';
import { KmsScene } from './kms-scene.ts';

const dayMs = 86_400_000;
const AliasName = 'alias/shop';
const Plaintext = 'eA==';
/** Between two versions of a key that are made by hand (KMS CreateKeyVersion). */
const versionDays = 7;
const rotationDays = 8;

/** What is known of a key that was made here. */
interface ModelKey {
  state: 'Enabled' | 'Disabled' | 'PendingDeletion' | 'gone';
  isProtected: boolean;
  /** Whether a rotation policy makes a version when the newest is {@link rotationDays} old. */
  rotates: boolean;
  versions: number;
  newestDays: number;
  daysLeft: number;
}

interface Model {
  keys: [ModelKey, ModelKey];
  /** Which key the alias names. */
  alias?: 0 | 1;
}

interface Real {
  kms: KmsScene;
  purge: Purge;
  ids: readonly [string, string];
  /** Ciphertexts, and the key that made each. */
  blobs: { blob: string; of: 0 | 1 }[];
}

type Step = fc.AsyncCommand<Model, Real>;
type Which = 0 | 1;

const notThere = 'Forbidden.KeyNotFound';

/** Does `action` with one of the keys, which answers `code` where the model says so, and otherwise changes it. */
function step(
  which: Which,
  name: string,
  parameters: Record<string, unknown>,
  refusal: (key: ModelKey, model: Model) => string | undefined,
  change: (key: ModelKey, model: Model, real: Real, answer: Record<string, unknown>) => void = () => undefined,
): Step {
  return {
    check: () => true,
    toString: () => `${name} ${which}`,
    run: async (model, real) => {
      const key = model.keys[which];
      const code = key.state === 'gone' ? notThere : refusal(key, model);
      const asked = { KeyId: real.ids[which], ...parameters };
      if (code === undefined) change(key, model, real, await real.kms.call(name, asked));
      else expect(await real.kms.failure(name, asked)).toMatch(`${code}: `);
      await agree(model, real);
    },
  };
}

const unlessEnabled = ({ state }: ModelKey): string | undefined =>
  state === 'Enabled' ? undefined : `Rejected.${state}`;
const unlessSwitchable = ({ state }: ModelKey): string | undefined =>
  state === 'PendingDeletion' ? 'Rejected.StateModifiedFailed' : undefined;
const unlessPending = ({ state }: ModelKey): string | undefined =>
  state === 'PendingDeletion' ? 'Rejected.PendingDeletion' : undefined;

const newVersion = (key: ModelKey): void => {
  key.versions += 1;
  key.newestDays = 0;
};

const ofKey: readonly ((which: Which) => Step)[] = [
  (which) => step(which, 'EnableKey', {}, unlessSwitchable, (key) => (key.state = 'Enabled')),
  (which) => step(which, 'DisableKey', {}, unlessSwitchable, (key) => (key.state = 'Disabled')),
  (which) =>
    step(
      which,
      'ScheduleKeyDeletion',
      { PendingWindowInDays: '7' },
      (key) => unlessPending(key) ?? (key.isProtected ? 'Rejected.StateModifiedFailed' : undefined),
      (key) => Object.assign(key, { state: 'PendingDeletion', daysLeft: 7 }),
    ),
  (which) =>
    step(
      which,
      'CancelKeyDeletion',
      {},
      ({ state }) => (state === 'PendingDeletion' ? undefined : 'Rejected.StateModifiedFailed'),
      (key) => (key.state = 'Enabled'),
    ),
  (which) =>
    step(
      which,
      'SetDeletionProtection',
      { EnableDeletionProtection: 'true' },
      unlessPending,
      (key) => (key.isProtected = true),
    ),
  (which) =>
    step(
      which,
      'SetDeletionProtection',
      { EnableDeletionProtection: 'false' },
      () => undefined,
      (key) => (key.isProtected = false),
    ),
  (which) =>
    step(
      which,
      'CreateKeyVersion',
      {},
      (key) => unlessEnabled(key) ?? (key.newestDays < versionDays ? 'Rejected.LimitExceeded' : undefined),
      newVersion,
    ),
  (which) =>
    step(
      which,
      'UpdateRotationPolicy',
      { EnableAutomaticRotation: 'true', RotationInterval: `${rotationDays}d` },
      unlessEnabled,
      (key) => (key.rotates = true),
    ),
  (which) =>
    step(which, 'Encrypt', { Plaintext }, unlessEnabled, (_key, _model, { blobs }, { CiphertextBlob }) =>
      blobs.push({ blob: String(CiphertextBlob), of: which }),
    ),
  (which) =>
    step(
      which,
      'CreateAlias',
      { AliasName },
      (key, { alias }) => unlessPending(key) ?? (alias === undefined ? undefined : 'AliasAlreadyExists'),
      (_key, model) => (model.alias = which),
    ),
  (which) =>
    step(
      which,
      'UpdateAlias',
      { AliasName },
      (key, { alias }) => unlessPending(key) ?? (alias === undefined ? 'Forbidden.AliasNotFound' : undefined),
      (_key, model) => (model.alias = which),
    ),
];

const deleteAlias: Step = {
  check: () => true,
  toString: () => 'DeleteAlias',
  run: async (model, real) => {
    if (model.alias === undefined) {
      expect(await real.kms.failure('DeleteAlias', { AliasName })).toMatch(/^Forbidden.AliasNotFound: /);
    } else await real.kms.call('DeleteAlias', { AliasName });
    delete model.alias;
    await agree(model, real);
  },
};

/** A day goes by, and what KMS does by itself is done. */
const passDays = (days: number): Step => ({
  check: () => true,
  toString: () => `${days} days`,
  run: async (model, real) => {
    for (let day = 0; day < days; day += 1) {
      real.kms.clock.advance(dayMs);
      for (const [index, key] of model.keys.entries()) passDay(model, key, index);
      await keepKeys(real.kms.dependencies, (keyId, error) => expect.fail(`${keyId}: ${String(error)}`));
      await real.purge.round();
    }
    await agree(model, real);
  },
});

function passDay(model: Model, key: ModelKey, index: number): void {
  key.newestDays += 1;
  if (key.state === 'Enabled' && key.rotates && key.newestDays >= rotationDays) newVersion(key);
  if (key.state !== 'PendingDeletion') return;
  key.daysLeft -= 1;
  if (key.daysLeft > 0) return;
  key.state = 'gone';
  if (model.alias === index) delete model.alias;
}

/** Everything that can be read says what the model says. */
async function agree(model: Model, { kms, ids, blobs }: Real): Promise<void> {
  for (const [index, key] of model.keys.entries()) {
    const KeyId = ids[index] ?? '';
    if (key.state === 'gone') {
      expect(await kms.failure('DescribeKey', { KeyId })).toMatch(`${notThere}: `);
      continue;
    }
    expect(await kms.call('DescribeKey', { KeyId })).toMatchObject({
      KeyMetadata: { KeyState: key.state, DeletionProtection: key.isProtected ? 'Enabled' : 'Disabled' },
    });
    expect(await kms.call('ListKeyVersions', { KeyId })).toMatchObject({ TotalCount: key.versions });
    expect(await kms.call('ListAliasesByKeyId', { KeyId })).toMatchObject({
      TotalCount: model.alias === index ? 1 : 0,
    });
  }
  for (const state of ['Enabled', 'Disabled', 'PendingDeletion'] as const) {
    const Filters = JSON.stringify([{ Key: 'KeyState', Values: [state] }]);
    const TotalCount = model.keys.filter((key) => key.state === state).length;
    expect(await kms.call('ListKeys', { Filters })).toMatchObject({ TotalCount });
  }
  // A few of them: each costs a call.
  for (const { blob: CiphertextBlob, of } of blobs.slice(-4)) {
    const { state } = model.keys[of];
    if (state === 'Enabled') expect(await kms.call('Decrypt', { CiphertextBlob })).toMatchObject({ Plaintext });
    else {
      const code = state === 'gone' ? 'InvalidCiphertext' : `Rejected.${state}`;
      expect(await kms.failure('Decrypt', { CiphertextBlob })).toMatch(`${code}: `);
    }
  }
  expect(await kms.call('ListAliases')).toMatchObject({ TotalCount: model.alias === undefined ? 0 : 1 });
  const named = { KeyId: AliasName, Plaintext };
  const target = model.alias === undefined ? undefined : model.keys[model.alias];
  if (target === undefined)
    expect(await kms.failure('Encrypt', named)).toMatch(/^Forbidden.(KeyNotFound|AliasNotFound): /);
  else if (target.state !== 'Enabled')
    expect(await kms.failure('Encrypt', named)).toMatch(`Rejected.${target.state}: `);
  else expect(await kms.call('Encrypt', named)).toMatchObject({ KeyId: ids[model.alias ?? 0] });
}

const which = fc.constantFrom<Which>(0, 1);
const commands = fc.commands(
  [
    ...ofKey.map((make) => which.map(make)),
    fc.constant(deleteAlias),
    fc.constantFrom(1, 6, 7).map(passDays),
    fc.constantFrom(1, 6, 8).map(passDays),
  ],
  { maxCommands: 40, size: 'max' },
);

const fresh = (): ModelKey => ({
  state: 'Enabled',
  isProtected: false,
  rotates: false,
  versions: 1,
  newestDays: 0,
  daysLeft: 0,
});

describe('two keys and an alias', () => {
  it('E1, E4: follow the model of states, versions, protection and deletion through any sequence of calls and days', async () => {
    const property = fc.asyncProperty(commands, async (steps) => {
      const kms = new KmsScene();
      const ids = [await kms.newKey(), await kms.newKey()] as const;
      const real: Real = { kms, purge: new Purge(kms.dependencies), ids, blobs: [] };
      await fc.asyncModelRun(() => ({ model: { keys: [fresh(), fresh()] } as Model, real }), steps);
    });
    await fc.assert(property, { numRuns: 80 });
  });
});
