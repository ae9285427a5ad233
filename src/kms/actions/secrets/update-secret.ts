import { z } from 'zod';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { description, optional, secretReference } from '../../parameters.ts';
import { changeSecret } from '../../secret-lookup.ts';
import { extendedConfig } from '../../secret-parameters.ts';
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
        if (ExtendedConfig !== undefined) secret.extendedConfig = ExtendedConfig;
        secret.updateTime = updateTime;
      });
      return { SecretName: found.name };
    },
  });
}
