import { z } from 'zod';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { loadKey } from '../../key-lookup.ts';
import { keyMetadata } from '../../key-metadata.ts';
import { keyReference } from '../../parameters.ts';
import { keyAction } from './key-action.ts';

/** KMS DescribeKey. */
export function describeKey(dependencies: KmsDependencies): AnyAction {
  return keyAction(dependencies, {
    name: 'DescribeKey',
    input: z.object({ KeyId: keyReference() }),
    run: async (found) => ({ KeyMetadata: keyMetadata(dependencies, await loadKey(dependencies.store, found)) }),
  });
}
