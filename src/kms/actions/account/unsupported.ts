import { z } from 'zod';
import { ApiError } from '../../../lib/errors.ts';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import { containerArn } from '../../arn.ts';
import { sharedScope, type KmsDependencies } from '../../dependencies.ts';

const noVpc = 'Instances are those of the configuration, with nothing to connect, buy or give back.';

/** Documented actions that mean nothing here, or are not there yet → why. */
export const unsupportedActions: ReadonlyMap<string, string> = new Map([
  ['AdvanceEncrypt', 'The instance gateway has it; at the OpenAPI use Encrypt.'],
  ['ConnectKmsInstance', noVpc],
  ['DescribeService', 'Nobody documents it any more; DescribeRegions and GetKmsInstance tell what there is.'],
  ['GetKmsInstanceQuotaInfos', 'There are no quotas.'],
  ['ReleaseKmsInstance', noVpc],
  ['UpdateKmsInstanceBindVpc', noVpc],
]);

/** One action for each of {@link unsupportedActions}: it needs its permission, and then answers UnsupportedOperation. */
export function createUnsupportedActions(dependencies: KmsDependencies): AnyAction[] {
  const resource = containerArn(dependencies, 'instance');
  return [...unsupportedActions].map(([name, why]) => {
    const action = defineAction({
      name,
      product: 'Kms',
      input: z.object({}),
      plan: () => ({
        access: [{ action: `kms:${name}`, resource, scope: sharedScope }],
        run: () => Promise.reject(new ApiError('UnsupportedOperation', `${name} is not supported. ${why}`)),
      }),
    });
    return { ...action, rehearsal: () => action };
  });
}
