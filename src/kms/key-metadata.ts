import { resourceArn, type Home } from './arn.ts';
import { sharedScope, type KmsDependencies } from './dependencies.ts';
import { nextRotation } from './key-rotation.ts';
import { primaryVersion, stateAt, type KeyRecord, type KeyState } from './records/key.ts';
import { formatInterval, isoSeconds } from './time-format.ts';

/** `KeyMetadata` of CreateKey and DescribeKey. A field that does not apply is empty text. */
export function keyMetadata(
  { clock, ...home }: Home & Pick<KmsDependencies, 'clock'>,
  key: KeyRecord,
): Record<string, unknown> {
  const state = stateAt(key, clock.now());
  return {
    Arn: resourceArn(home, 'key', key.keyId),
    CreationDate: isoSeconds(key.createTime),
    Creator: key.creator,
    DKMSInstanceId: key.scope === sharedScope ? '' : key.scope,
    DeleteDate: timeText(key.deletion?.dueTime),
    DeletionProtection: key.deletionProtection === undefined ? 'Disabled' : 'Enabled',
    DeletionProtectionDescription: key.deletionProtection?.description ?? '',
    Description: key.description,
    ...(key.externalKeyId !== undefined && { ExternalKeyId: key.externalKeyId }),
    KeyId: key.keyId,
    KeySpec: key.keySpec,
    KeyState: state,
    ...(key.storage !== undefined && { KeyStorageMechanism: key.storage }),
    KeyUsage: key.keyUsage,
    MaterialExpireTime: timeText(key.imported?.expireTime),
    Origin: key.origin,
    PrimaryKeyVersion: primaryVersion(key)?.id ?? '',
    ProtectionLevel: key.protectionLevel,
    ...rotationFields(key, state),
  };
}

function timeText(time: number | undefined): string {
  return time === undefined ? '' : isoSeconds(time);
}

function rotationFields(key: KeyRecord, state: KeyState): Record<string, string> {
  const lastRotation = primaryVersion(key)?.createTime;
  const LastRotationDate = lastRotation === undefined ? '' : isoSeconds(lastRotation);
  if (key.rotation?.enabled !== true) {
    return { AutomaticRotation: 'Disabled', LastRotationDate, NextRotationDate: '', RotationInterval: '' };
  }
  const { intervalSeconds } = key.rotation;
  return {
    AutomaticRotation: state === 'Enabled' ? 'Enabled' : 'Suspended',
    LastRotationDate,
    NextRotationDate: timeText(nextRotation(key)),
    RotationInterval: formatInterval(intervalSeconds),
  };
}
