import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { arn, KmsScene } from '../../kms-scene.ts';

let kms: KmsScene;
beforeEach(() => {
  kms = new KmsScene();
});

/** What each operation does to a key, said again in the words of the state matrix. */
type State = 'Enabled' | 'Disabled' | 'PendingDeletion';
const operations: Record<
  string,
  { run: (id: string) => [string, Record<string, unknown>]; next: (state: State) => string }
> = {
  enable: {
    run: (KeyId) => ['EnableKey', { KeyId }],
    next: (s) => (s === 'PendingDeletion' ? 'Rejected.StateModifiedFailed' : 'Enabled'),
  },
  disable: {
    run: (KeyId) => ['DisableKey', { KeyId }],
    next: (s) => (s === 'PendingDeletion' ? 'Rejected.StateModifiedFailed' : 'Disabled'),
  },
  schedule: {
    run: (KeyId) => ['ScheduleKeyDeletion', { KeyId, PendingWindowInDays: '7' }],
    next: (s) => (s === 'PendingDeletion' ? 'Rejected.PendingDeletion' : 'PendingDeletion'),
  },
  cancel: {
    run: (KeyId) => ['CancelKeyDeletion', { KeyId }],
    next: (s) => (s === 'PendingDeletion' ? 'Enabled' : 'Rejected.StateModifiedFailed'),
  },
  encrypt: {
    run: (KeyId) => ['Encrypt', { KeyId, Plaintext: 'eA==' }],
    next: (s) => (s === 'Enabled' ? s : `Rejected.${s}`),
  },
  dataKey: { run: (KeyId) => ['GenerateDataKey', { KeyId }], next: (s) => (s === 'Enabled' ? s : `Rejected.${s}`) },
  describe: { run: (KeyId) => ['DescribeKey', { KeyId }], next: (s) => s },
};

describe('the states of a key', () => {
  it('E1: follow the state matrix through any sequence of operations', async () => {
    const sequence = fc.array(fc.constantFrom(...Object.keys(operations)), { maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(sequence, async (names) => {
        const id = await kms.newKey();
        let state: State = 'Enabled';
        for (const name of names) {
          const operation = operations[name];
          if (operation === undefined) throw new Error(name);
          const expected = operation.next(state);
          const [action, parameters] = operation.run(id);
          if (expected.startsWith('Rejected.')) {
            expect(await kms.failure(action, parameters)).toMatch(`${expected}: Key ${id} is in the state ${state}. `);
          } else {
            await kms.call(action, parameters);
            state = expected as State;
          }
          expect(await kms.keyState(id)).toBe(state);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('E1: once DisableKey has answered, nothing encrypts or decrypts, whatever runs at the same time', async () => {
    const KeyId = await kms.newKey();
    const { CiphertextBlob } = await kms.call('Encrypt', { KeyId, Plaintext: 'eA==' });
    const plan = await kms.plan('Encrypt', { KeyId, Plaintext: 'eA==' });
    const decryption = await kms.plan('Decrypt', { CiphertextBlob });
    await kms.call('DisableKey', { KeyId });
    await expect(plan.run()).rejects.toMatchObject({ code: 'Rejected.Disabled' });
    await expect(decryption.run()).rejects.toMatchObject({ code: 'Rejected.Disabled' });
    expect(await kms.failure('Encrypt', { KeyId, Plaintext: 'eA==' })).toBe(
      `Rejected.Disabled: Key ${KeyId} is in the state Disabled. Enable it with EnableKey.`,
    );
  });

  it('E8: a deletion window is 7 to 366 days and cannot be shortened afterwards', async () => {
    const KeyId = await kms.newKey();
    const range =
      'InvalidParameter: The parameter PendingWindowInDays is not valid. It must be a whole number from 7 to 366.';
    for (const PendingWindowInDays of ['6', '367', '0', '-7', '7.5']) {
      expect(await kms.failure('ScheduleKeyDeletion', { KeyId, PendingWindowInDays })).toBe(range);
    }
    await kms.call('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: '30' });
    expect(await kms.failure('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: '7' })).toMatch(
      /^Rejected.PendingDeletion: /,
    );
    expect(await kms.call('DescribeKey', { KeyId })).toMatchObject({
      KeyMetadata: { DeleteDate: '2026-01-31T00:00:00Z' },
    });
    await kms.call('CancelKeyDeletion', { KeyId });
    expect(await kms.call('DescribeKey', { KeyId })).toMatchObject({
      KeyMetadata: { DeleteDate: '', KeyState: 'Enabled' },
    });
  });

  it('deletion protection refuses ScheduleKeyDeletion until it is off', async () => {
    const KeyId = await kms.newKey();
    await kms.call('SetDeletionProtection', {
      ProtectedResourceArn: arn(`key/${KeyId}`),
      EnableDeletionProtection: 'true',
      DeletionProtectionDescription: 'orders',
    });
    expect(await kms.call('DescribeKey', { KeyId })).toMatchObject({
      KeyMetadata: { DeletionProtection: 'Enabled', DeletionProtectionDescription: 'orders' },
    });
    const schedule = { KeyId, PendingWindowInDays: '7' };
    expect(await kms.failure('ScheduleKeyDeletion', schedule)).toBe(
      `Rejected.StateModifiedFailed: Key ${KeyId} is protected from deletion. Turn that off with SetDeletionProtection first.`,
    );
    await kms.call('SetDeletionProtection', { KeyId, EnableDeletionProtection: 'false' });
    await kms.call('ScheduleKeyDeletion', schedule);
    expect(await kms.failure('SetDeletionProtection', { KeyId, EnableDeletionProtection: 'true' })).toMatch(
      /^Rejected.PendingDeletion: /,
    );
    expect(await kms.failure('SetDeletionProtection', { EnableDeletionProtection: 'true' })).toBe(
      'MissingParameter: The parameter ProtectedResourceArn is required: the ARN of a key.',
    );
  });
});
