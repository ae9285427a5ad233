import { resourceArn, type Home } from './arn.ts';
import { sharedScope } from './dependencies.ts';
import { primaryVersion, type KeyRecord } from './records/key.ts';
import { formatInterval, isoSeconds } from './time-format.ts';

/** `KeyMetadata` of CreateKey and DescribeKey. A field that does not apply is empty text. */
export function keyMetadata(home: Home, key: KeyRecord): Record<string, unknown> {
  return {
    Arn: resourceArn(home, 'key', key.keyId),
    CreationDate: isoSeconds(key.createTime),
    Creator: key.creator,
    DKMSInstanceId: key.scope === sharedScope ? '' : key.scope,
    DeleteDate: key.deletion === undefined ? '' : isoSeconds(key.deletion.dueTime),
    DeletionProtection: key.deletionProtection === undefined ? 'Disabled' : 'Enabled',
    DeletionProtectionDescription: key.deletionProtection?.description ?? '',
    Description: key.description,
    KeyId: key.keyId,
    KeySpec: key.keySpec,
    KeyState: key.state,
    KeyUsage: key.keyUsage,
    MaterialExpireTime: '',
    Origin: key.origin,
    PrimaryKeyVersion: primaryVersion(key)?.id ?? '',
    ProtectionLevel: key.protectionLevel,
    ...rotationFields(key),
  };
}

function rotationFields(key: KeyRecord): Record<string, string> {
  const lastRotation = primaryVersion(key)?.createTime;
  const LastRotationDate = lastRotation === undefined ? '' : isoSeconds(lastRotation);
  if (key.rotation?.enabled !== true) {
    return { AutomaticRotation: 'Disabled', LastRotationDate, NextRotationDate: '', RotationInterval: '' };
  }
  const { intervalSeconds } = key.rotation;
  return {
    AutomaticRotation: key.state === 'Enabled' ? 'Enabled' : 'Suspended',
    LastRotationDate,
    NextRotationDate: lastRotation === undefined ? '' : isoSeconds(lastRotation + intervalSeconds * 1000),
    RotationInterval: formatInterval(intervalSeconds),
  };
}
