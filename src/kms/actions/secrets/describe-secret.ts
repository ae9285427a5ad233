import { z } from 'zod';
import type { AnyAction } from '../../../ports/action.ts';
import { resourceArn } from '../../arn.ts';
import { sharedScope, type KmsDependencies } from '../../dependencies.ts';
import { flag, secretReference, withDefault } from '../../parameters.ts';
import { loadSecret } from '../../secret-lookup.ts';
import { rotationFields } from '../../secret-rotation.ts';
import { listTags } from '../../tags.ts';
import { isoSeconds } from '../../time-format.ts';
import { secretAction } from './secret-action.ts';

/** KMS DescribeSecret: everything but the value. Also works for a secret about to be deleted. */
export function describeSecret(dependencies: KmsDependencies): AnyAction {
  return secretAction(dependencies, {
    name: 'DescribeSecret',
    input: z.object({ SecretName: secretReference(), FetchTags: withDefault(flag(), false) }),
    run: async (found, { FetchTags }) => {
      const secret = await loadSecret(dependencies.store, found);
      return {
        Arn: resourceArn(dependencies, 'secret', secret.name),
        ...rotationFields(secret),
        CreateTime: isoSeconds(secret.createTime),
        DKMSInstanceId: secret.scope === sharedScope ? '' : secret.scope,
        Description: secret.description,
        EncryptionKeyId: secret.encryptionKeyId ?? '',
        ExtendedConfig: secret.extendedConfig ?? '',
        OwingService: '',
        // Kaap's own: how rotation makes values. It is no secret, and whoever sets it has to be able to see it.
        ...(secret.generator !== undefined && { SecretDataGenerator: JSON.stringify(secret.generator) }),
        PlannedDeleteTime: secret.deletion === undefined ? '' : isoSeconds(secret.deletion.dueTime),
        SecretName: secret.name,
        SecretType: secret.secretType,
        Tags: { Tag: FetchTags ? listTags(secret.tags) : [] },
        UpdateTime: isoSeconds(secret.updateTime),
      };
    },
  });
}
