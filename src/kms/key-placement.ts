import type { z } from 'zod';
import type { ProviderKind } from '../crypto/key-specs.ts';
import { ApiError } from '../lib/errors.ts';
import type { KeyStorageMechanism } from '../ports/key-provider.ts';
import { text } from './parameters.ts';
import type { KeyRecord } from './records/key.ts';

/** Id of a key at its owner (XKS proxy API 1.0, "externalKeyId"), which becomes part of a path: never `.` or `..`. */
export function externalKeyId(): z.ZodType<string> {
  return text({
    max: 128,
    pattern: /^(?!\.{1,2}$)[A-Za-z0-9._-]+$/,
    allowed: '1 to 128 letters, digits and . _ -, and not . or ..',
  });
}

/** What CreateKey says about where material lives. */
export interface PlacementParameters {
  readonly ExternalKeyId?: string | undefined;
  readonly KeyStorageMechanism?: KeyStorageMechanism | undefined;
  readonly EnableAutomaticRotation: boolean;
}

/** The record's fields for {@link PlacementParameters}. Throws for one that does not go with the instance. */
export function placementFields(
  parameters: PlacementParameters,
  provider: ProviderKind,
): Pick<KeyRecord, 'storage' | 'externalKeyId'> {
  const { ExternalKeyId, KeyStorageMechanism, EnableAutomaticRotation } = parameters;
  if (ExternalKeyId !== undefined && provider !== 'xki') {
    throw new ApiError('InvalidParameter', 'The parameter ExternalKeyId is for External instances only.');
  }
  if (KeyStorageMechanism !== undefined && provider !== 'pkcs11') {
    throw new ApiError('InvalidParameter', 'The parameter KeyStorageMechanism is for Hardware instances only.');
  }
  if (provider === 'xki') {
    if (EnableAutomaticRotation) {
      throw new ApiError(
        'UnsupportedOperation',
        'External keys are rotated by their owner. Leave EnableAutomaticRotation out.',
      );
    }
    if (ExternalKeyId === undefined) {
      throw new ApiError('MissingParameter', 'The parameter ExternalKeyId is required in an External instance.');
    }
    return { externalKeyId: ExternalKeyId };
  }
  return provider === 'pkcs11' ? { storage: KeyStorageMechanism ?? 'HsmInternal' } : {};
}
