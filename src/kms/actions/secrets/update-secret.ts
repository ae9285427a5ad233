import { z } from 'zod';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { description, optional, secretReference } from '../../parameters.ts';
import type { SecretRecord } from '../../records/secret.ts';
import { jsonObject } from '../../secret-generator.ts';
import { changeSecret } from '../../secret-lookup.ts';
import { extendedConfig } from '../../secret-parameters.ts';
import { configOf } from '../../secret-rotator.ts';
import { secretAction } from './secret-action.ts';

const input = z.object({
  SecretName: secretReference(),
  Description: description().optional(),
  ExtendedConfig: optional(extendedConfig()),
});

/** KMS UpdateSecret: its description and custom data. */
export function updateSecret(dependencies: KmsDependencies): AnyAction {
  return secretAction(dependencies, {
    name: 'UpdateSecret',
    input,
    run: async (found, { Description, ExtendedConfig }) => {
      const updateTime = dependencies.clock.now();
      await changeSecret(dependencies, found, (secret) => {
        if (Description !== undefined) secret.description = Description;
        if (ExtendedConfig !== undefined) secret.extendedConfig = mergedConfig(secret, ExtendedConfig);
        secret.updateTime = updateTime;
      });
      return { SecretName: found.name };
    },
  });
}

/** Only custom data changes: what a managed secret belongs to stays. */
function mergedConfig(secret: SecretRecord, given: string): string {
  return JSON.stringify({ ...configOf(secret), ...jsonObject(given) });
}
