import { z } from 'zod';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { pageOf, pageParameters } from '../../paging.ts';
import { flag, secretReference, withDefault } from '../../parameters.ts';
import { loadSecret } from '../../secret-lookup.ts';
import { isoSeconds } from '../../time-format.ts';
import { secretAction } from './secret-action.ts';

const input = z.object({
  SecretName: secretReference(),
  IncludeDeprecated: withDefault(flag(), false),
  ...pageParameters(20),
});

/** KMS ListSecretVersionIds, newest first. A version without any stage is deprecated. */
export function listSecretVersionIds(dependencies: KmsDependencies): AnyAction {
  return secretAction(dependencies, {
    name: 'ListSecretVersionIds',
    input,
    run: async (found, { IncludeDeprecated, ...page }) => {
      const secret = await loadSecret(dependencies.store, found);
      const versions = secret.versions.filter(({ stages }) => IncludeDeprecated || stages.length > 0);
      const { items, fields } = pageOf(versions.toReversed(), page);
      const VersionId = items.map(({ id, createTime, stages }) => ({
        CreateTime: isoSeconds(createTime),
        VersionId: id,
        VersionStages: { VersionStage: stages.toSorted() },
      }));
      return { SecretName: secret.name, VersionIds: { VersionId }, ...fields };
    },
  });
}
