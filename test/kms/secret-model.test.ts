import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Purge } from '../../src/kms/purge.ts';
import { KmsScene, type Answer } from './kms-scene.ts';
import { modelStep } from './model-step.ts';

const dayMs = 86_400_000;
const SecretName = 'shop/database';
const maxVersions = 10;

interface Version {
  id: string;
  value: string;
  stages: Set<string>;
}

/** What is known of one secret, said in as few words as there are. */
interface Model {
  /** Oldest first; absent when there is no secret. */
  versions?: Version[];
  /** Until it goes; absent when it is not about to. */
  daysLeft?: number;
  /** How many versions were ever named. */
  named: number;
}

interface Real {
  kms: KmsScene;
  purge: Purge;
}

type Step = fc.AsyncCommand<Model, Real>;

const absent = 'Forbidden.ResourceNotFound';
const unlessLive = ({ versions, daysLeft }: Model): string | undefined => {
  if (versions === undefined) return absent;
  return daysLeft === undefined ? undefined : 'Rejected.ResourceInDeleteWindow';
};

const holder = (model: Model, stage: string): Version | undefined =>
  model.versions?.find(({ stages }) => stages.has(stage));

/** A label is on one version; the one that loses ACSCurrent becomes ACSPrevious. */
function label(model: Model, stage: string, version: Version): void {
  const before = holder(model, stage);
  if (before === version) return;
  before?.stages.delete(stage);
  version.stages.add(stage);
  if (stage === 'ACSCurrent' && before !== undefined) label(model, 'ACSPrevious', before);
}

function add(model: Model, version: Version, stages: readonly string[]): void {
  model.versions?.push(version);
  for (const stage of stages) label(model, stage, version);
  while ((model.versions?.length ?? 0) > maxVersions) {
    const isFree = (each: Version): boolean =>
      each !== version && !each.stages.has('ACSCurrent') && !each.stages.has('ACSPrevious');
    model.versions?.splice(model.versions.findIndex(isFree), 1);
  }
}

/** Calls `action`, which answers `code` where the model says so, and otherwise changes it; then looks at everything. */
function step(
  name: string,
  parameters: (model: Model) => Record<string, unknown>,
  refusal: (model: Model) => string | undefined,
  change: (model: Model) => void,
): Step {
  return modelStep({
    action: name,
    parameters: (model) => ({ SecretName, ...parameters(model) }),
    refusal,
    change,
    agree: (model, { kms }) => agree(model, kms),
  });
}

/** The version that a number names in the model; `none` when there is none. */
const pick = (model: Model, at: number): string => model.versions?.[at % model.versions.length]?.id ?? 'none';

const create = (): Step =>
  step(
    'CreateSecret',
    ({ named }) => ({ VersionId: `v${named}`, SecretData: `value ${named}` }),
    ({ versions, daysLeft }) => {
      if (versions === undefined) return undefined;
      return daysLeft === undefined ? 'Rejected.ResourceExist' : 'Rejected.ResourceInDeleteWindow';
    },
    (model) => {
      model.versions = [];
      add(model, { id: `v${model.named}`, value: `value ${model.named}`, stages: new Set() }, ['ACSCurrent']);
      model.named += 1;
    },
  );

const put = (stages: readonly string[]): Step =>
  step(
    'PutSecretValue',
    ({ named }) => ({
      VersionId: `v${named}`,
      SecretData: `value ${named}`,
      VersionStages: JSON.stringify(stages),
    }),
    unlessLive,
    (model) => {
      add(model, { id: `v${model.named}`, value: `value ${model.named}`, stages: new Set() }, stages);
      model.named += 1;
    },
  );

const several = (one: Step, times: number): Step => ({
  check: () => true,
  toString: () => `${times} times ${one.toString()}`,
  run: async (model, real) => {
    for (let done = 0; done < times; done += 1) await one.run(model, real);
  },
});

/** The same id again: with the same value nothing changes, with another it is refused. */
const putAgain = (at: number, isSame: boolean): Step =>
  step(
    'PutSecretValue',
    (model) => {
      const id = pick(model, at);
      const value = model.versions?.find((version) => version.id === id)?.value ?? '';
      return { VersionId: id, SecretData: isSame && value !== '' ? value : 'another' };
    },
    (model) => unlessLive(model) ?? (isSame ? undefined : 'Rejected.ResourceExist'),
    () => undefined,
  );

const move = (stage: string, at: number): Step =>
  step(
    'UpdateSecretVersionStage',
    (model) => ({ VersionStage: stage, MoveToVersion: pick(model, at) }),
    unlessLive,
    (model) => {
      const version = model.versions?.find(({ id }) => id === pick(model, at));
      if (version !== undefined) label(model, stage, version);
    },
  );

/** Only a label of one's own is taken off without another version to carry it. */
const remove = (stage: string): Step =>
  step(
    'UpdateSecretVersionStage',
    (model) => ({ VersionStage: stage, RemoveFromVersion: holder(model, stage)?.id ?? pick(model, 0) }),
    (model) => {
      const refused = unlessLive(model) ?? (holder(model, stage) === undefined ? 'InvalidParameter' : undefined);
      return refused ?? (stage === 'mine' ? undefined : 'MissingParameter');
    },
    (model) => void holder(model, stage)?.stages.delete(stage),
  );

const removal = (days: number): Step =>
  step(
    'DeleteSecret',
    () => (days === 0 ? { ForceDeleteWithoutRecovery: 'true' } : { RecoveryWindowInDays: String(days) }),
    unlessLive,
    (model) => {
      if (days === 0) delete model.versions;
      else model.daysLeft = days;
    },
  );

const restore = (): Step =>
  step(
    'RestoreSecret',
    () => ({}),
    ({ versions, daysLeft }) => {
      if (versions === undefined) return absent;
      return daysLeft === undefined ? 'Rejected.StateModifiedFailed' : undefined;
    },
    (model) => void delete model.daysLeft,
  );

const pass = (days: number): Step => ({
  check: () => true,
  toString: () => `${days} days`,
  run: async (model, { kms, purge }) => {
    for (let day = 0; day < days; day += 1) {
      kms.clock.advance(dayMs);
      await purge.round();
    }
    if (model.daysLeft !== undefined) model.daysLeft -= days;
    if (model.daysLeft !== undefined && model.daysLeft <= 0) {
      delete model.daysLeft;
      delete model.versions;
    }
    await agree(model, kms);
  },
});

const stages = ['ACSCurrent', 'ACSPrevious', 'mine'];

/** Every way to read the secret says what the model says. */
async function agree(model: Model, kms: KmsScene): Promise<void> {
  const versions = model.versions ?? [];
  const listed = async (IncludeDeprecated: string): Promise<Answer | string> => {
    const parameters = { SecretName, IncludeDeprecated, PageSize: '100' };
    return model.versions === undefined
      ? kms.failure('ListSecretVersionIds', parameters)
      : kms.call('ListSecretVersionIds', parameters);
  };
  const shown = (kept: readonly Version[]): unknown[] =>
    kept.toReversed().map(({ id, stages: labels }) => ({
      CreateTime: expect.any(String) as string,
      VersionId: id,
      VersionStages: { VersionStage: [...labels].toSorted() },
    }));
  if (model.versions === undefined) expect(await listed('true')).toMatch(`${absent}: `);
  else {
    expect(await listed('true')).toMatchObject({ VersionIds: { VersionId: shown(versions) } });
    const inUse = versions.filter(({ stages: labels }) => labels.size > 0);
    expect(await listed('false')).toMatchObject({ VersionIds: { VersionId: shown(inUse) } });
  }
  for (const VersionStage of stages) {
    const version = holder(model, VersionStage);
    const code = unlessLive(model) ?? (version === undefined ? absent : undefined);
    const read = { SecretName, VersionStage };
    if (code !== undefined) expect(await kms.failure('GetSecretValue', read)).toMatch(`${code}: `);
    else
      expect(await kms.call('GetSecretValue', read)).toMatchObject({
        SecretData: version?.value,
        VersionId: version?.id,
      });
  }
  const { TotalCount } = await kms.call('ListSecrets');
  expect(TotalCount).toBe(model.versions === undefined ? 0 : 1);
}

const at = fc.nat(maxVersions);
const commands = fc.commands(
  [
    fc.constant(create()),
    fc.subarray(stages).map((chosen) => put(chosen.length === 0 ? ['ACSCurrent'] : chosen)),
    fc.constant(several(put(['ACSCurrent']), 4)),
    fc.constant(several(put(['mine']), 3)),
    fc.tuple(at, fc.boolean()).map(([index, isSame]) => putAgain(index, isSame)),
    fc.tuple(fc.constantFrom(...stages), at).map(([stage, index]) => move(stage, index)),
    fc.constantFrom(...stages).map(remove),
    fc.constantFrom(7, 8, 0).map(removal),
    fc.constant(restore()),
    fc.constantFrom(1, 6).map(pass),
  ],
  { maxCommands: 40, size: 'max' },
);

describe('a secret', () => {
  it('follows the model of its versions, stages and deletion through any sequence of calls and days', async () => {
    const property = fc.asyncProperty(commands, async (steps) => {
      const kms = new KmsScene();
      const real = { kms, purge: new Purge(kms.dependencies) };
      const model: Model = { named: 0 };
      await fc.asyncModelRun(() => ({ model, real }), steps);
    });
    await fc.assert(property, { numRuns: 60 });
  });
});
