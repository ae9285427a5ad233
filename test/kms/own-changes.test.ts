import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { keepKeys } from '../../src/kms/key-upkeep.ts';
import { OwnChanges } from '../../src/kms/own-changes.ts';
import { Purge } from '../../src/kms/purge.ts';
import { rotateDueSecrets } from '../../src/kms/secret-rotation-round.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import type { AuditEvent } from '../../src/ports/audit-sink.ts';
import { arn, KmsScene } from './kms-scene.ts';

const dayMs = 86_400_000;

/** An audit log that takes nothing while it is told so. */
class Sink {
  readonly events: AuditEvent[] = [];
  isFull = false;

  readonly append = async (event: AuditEvent): Promise<void> => {
    if (this.isFull) throw new Error('no space left on device');
    this.events.push(event);
  };
}

const changesTo = (sink: Sink): OwnChanges =>
  new OwnChanges({ audit: sink, clock: new ManualClock(1000), random: randomBytes });

describe('what KMS changes by itself', () => {
  it('is audited under its service principal', async () => {
    const sink = new Sink();
    const changes = changesTo(sink);
    changes.note('RotateKey', [arn('key/one')]);
    await changes.settle();
    expect(sink.events).toEqual([
      {
        time: 1000,
        requestId: expect.stringMatching(/^[0-9A-F-]{36}$/) as string,
        product: 'Kms',
        action: 'RotateKey',
        protocol: 'none',
        principal: 'kms.aliyuncs.com',
        sourceIp: '-',
        resources: [arn('key/one')],
        decision: 'None',
        outcome: 'OK',
      },
    ]);
  });

  it('H3: is not forgotten while the log takes nothing, and comes into it in order', async () => {
    const sink = new Sink();
    const changes = changesTo(sink);
    sink.isFull = true;
    for (const name of ['a', 'b', 'c']) changes.note('RotateSecret', [name]);
    await expect(changes.settle()).rejects.toThrow('no space left');
    sink.isFull = false;
    await changes.settle();
    await changes.settle();
    expect(sink.events.map(({ resources }) => resources[0])).toEqual(['a', 'b', 'c']);
  });

  it('has an event for each rotation and deletion that was due, and for a rotation that failed', async () => {
    const kms = new KmsScene();
    const { dependencies, clock } = kms;
    const rotating = await kms.newKey({ EnableAutomaticRotation: 'true', RotationInterval: '7d' });
    const dying = await kms.newKey();
    await kms.call('ScheduleKeyDeletion', { KeyId: dying, PendingWindowInDays: '7' });
    const rotation = { EnableAutomaticRotation: 'true', RotationInterval: '604800s', SecretName: 'generated' };
    await kms.call('CreateSecret', { SecretName: 'generated', SecretData: 'x', VersionId: 'v1' });
    await kms.call('UpdateSecretRotationPolicy', { ...rotation, SecretDataGenerator: '{}' });
    await kms.call('CreateSecret', { SecretName: 'dying', SecretData: 'x', VersionId: 'v1' });
    await kms.call('DeleteSecret', { SecretName: 'dying', RecoveryWindowInDays: '7' });
    const purge = new Purge(dependencies);
    clock.advance(8 * dayMs);
    await purge.round();
    await keepKeys(dependencies, () => undefined);
    await rotateDueSecrets(dependencies, new AbortController().signal);
    await Promise.resolve();
    expect(kms.ownChanges.toSorted()).toEqual(
      [
        `DeleteKey ${arn(`key/${dying}`)} OK`,
        `DeleteSecret ${arn('secret/dying')} OK`,
        `RotateKey ${arn(`key/${rotating}`)} OK`,
        `RotateSecret ${arn('secret/generated')} OK`,
      ].toSorted(),
    );
  });

  it('has an event for a key whose version was worn out by a request', async () => {
    const kms = new KmsScene(undefined, {}, { usesPerVersion: 2, firstBlock: 1 });
    const KeyId = await kms.newKey();
    for (let count = 0; count < 3; count += 1) await kms.call('Encrypt', { KeyId, Plaintext: 'eA==' });
    expect(kms.ownChanges).toEqual([`RotateKey ${arn(`key/${KeyId}`)} OK`]);
  });
});
