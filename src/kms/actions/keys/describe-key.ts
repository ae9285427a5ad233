import { z } from 'zod';
import type { AnyAction } from '../../../ports/action.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { keyProblem } from '../../key-availability.ts';
import { loadKey } from '../../key-lookup.ts';
import { keyMetadata } from '../../key-metadata.ts';
import { keyReference } from '../../parameters.ts';
import { keyAction } from './key-action.ts';

/** KMS DescribeKey. */
export function describeKey(dependencies: KmsDependencies): AnyAction {
  return keyAction(dependencies, {
    name: 'DescribeKey',
    input: z.object({ KeyId: keyReference() }),
    run: async (found) => {
      const key = await loadKey(dependencies.store, found);
      const problem = await keyProblem(dependencies, key);
      const metadata = keyMetadata(dependencies, key);
      if (problem === undefined) return { KeyMetadata: metadata };
      return { KeyMetadata: { ...metadata, KeyState: 'Unavailable', KeyStateReason: problem } };
    },
  });
}
