import { z } from 'zod';
import { ApiError } from '../../../lib/errors.ts';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import { containerArn } from '../../arn.ts';
import { sharedScope, type KmsDependencies } from '../../dependencies.ts';

const nothing = z.object({});

/** KMS DescribeRegions: the one region of this installation. Needs a signature and no permission. */
export function describeRegions(dependencies: KmsDependencies): AnyAction {
  return defineAction({
    name: 'DescribeRegions',
    product: 'Kms',
    unauthorized: true,
    input: nothing,
    plan: () => ({
      access: [],
      run: () => Promise.resolve({ Regions: { Region: [{ RegionId: dependencies.region }] } }),
    }),
  });
}

/** KMS DescribeAccountKmsStatus: always enabled. */
export function describeAccountKmsStatus(dependencies: KmsDependencies): AnyAction {
  return defineAction({
    name: 'DescribeAccountKmsStatus',
    product: 'Kms',
    input: nothing,
    plan: () => ({
      access: [
        {
          action: 'kms:DescribeAccountKmsStatus',
          resource: containerArn(dependencies, 'key'),
          scope: sharedScope,
        },
      ],
      run: () => Promise.resolve({ AccountStatus: 'Enabled' }),
    }),
  });
}

/** KMS OpenKmsService: there is nothing to open, which the API says with an error. */
export function openKmsService(dependencies: KmsDependencies): AnyAction {
  return defineAction({
    name: 'OpenKmsService',
    product: 'Kms',
    input: nothing,
    plan: () => ({
      access: [{ action: 'kms:OpenKmsService', resource: containerArn(dependencies, 'key'), scope: sharedScope }],
      run: () => Promise.reject(new ApiError('Forbidden.Opened', 'KMS is open for this account. Go on and use it.')),
    }),
  });
}
