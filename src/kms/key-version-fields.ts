import type { KeyVersionEntry } from './records/key.ts';
import { isoSeconds } from './time-format.ts';

/** `KeyVersion` of CreateKeyVersion, DescribeKeyVersion and ListKeyVersions. */
export function versionFields(keyId: string, version: KeyVersionEntry): Record<string, string> {
  return { CreationDate: isoSeconds(version.createTime), KeyId: keyId, KeyVersionId: version.id };
}
