import { randomBytes } from 'node:crypto';
import { ApiError } from '../../src/lib/errors.ts';
import type { RotationHook, RotationRequest } from '../../src/ports/rotation-hook.ts';
import { createAccessKeyIssuer } from '../../src/ram/access-key-issuer.ts';
import { createAccessKey, listAccessKeys } from '../../src/ram/access-keys.ts';
import { putUser } from '../../src/ram/users.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { KmsScene, type Answer } from './kms-scene.ts';

/** A hook that keeps what it was asked, and fails as it is told: before it sets the value, or after. */
export class FaultyHook implements RotationHook {
  readonly asked: RotationRequest[] = [];
  fault: 'none' | 'refuses' | 'answer lost' = 'none';
  /** JSON text of the value that works. */
  set: string | undefined;

  async apply(request: RotationRequest): Promise<void> {
    this.asked.push(request);
    if (this.fault !== 'refuses') this.set = request.pending;
    if (this.fault !== 'none') throw new ApiError('ServiceUnavailableTemporary', 'The hook fails.');
  }
}

/** KMS with RAM's access keys and a hook. */
export class RotationScene extends KmsScene {
  readonly hook: FaultyHook;

  constructor() {
    const hook = new FaultyHook();
    super(undefined, undefined, undefined, {
      accessKeys: createAccessKeyIssuer(new ManualClock(), randomBytes),
      rotationHook: hook,
    });
    this.hook = hook;
  }

  /** A RAM user with an access key, as SecretData takes it. */
  async userWithKey(userName: string): Promise<{ AccessKeyId: string; AccessKeySecret: string }> {
    await putUser(this.store, { name: userName, policies: [] });
    const owner = { kind: 'RamUser', userName } as const;
    const key = await createAccessKey(this.store, { owner, now: this.clock.now(), random: randomBytes });
    return { AccessKeyId: key.accessKeyId, AccessKeySecret: key.secret.reveal().toString('utf8') };
  }

  async keysOf(userName: string): Promise<string[]> {
    return (await listAccessKeys(this.store, { kind: 'RamUser', userName }))
      .map(({ accessKeyId }) => accessKeyId)
      .toSorted();
  }

  /** The parsed value at a stage. */
  async value(SecretName: string, VersionStage = 'ACSCurrent'): Promise<Record<string, string>> {
    const { SecretData } = await this.call('GetSecretValue', { SecretName, VersionStage });
    return JSON.parse(String(SecretData)) as Record<string, string>;
  }

  /** Version id → its stages, all versions. */
  async stages(SecretName: string): Promise<Record<string, string[]>> {
    const { VersionIds } = await this.call('ListSecretVersionIds', { SecretName, IncludeDeprecated: 'true' });
    const { VersionId } = VersionIds as {
      VersionId: { VersionId: string; VersionStages: { VersionStage: string[] } }[];
    };
    return Object.fromEntries(VersionId.map((entry) => [entry.VersionId, entry.VersionStages.VersionStage]));
  }

  describe(SecretName: string): Promise<Answer> {
    return this.call('DescribeSecret', { SecretName });
  }
}
