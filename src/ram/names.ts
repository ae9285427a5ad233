import { z } from 'zod';
import { ApiError } from '../lib/errors.ts';

const NAME = /^[A-Za-z0-9._@-]{1,64}$/;

/**
 * Refuses a name of a user, role or policy that RAM does not take: 1 to 64 letters, digits, `.`, `_`, `-`, and `@` for users.
 * Names are case-sensitive.
 *
 * @throws ApiError `InvalidParameter`.
 */
export function checkRamName(what: 'user' | 'role' | 'policy', name: string): void {
  if (NAME.test(name) && (what === 'user' || !name.includes('@'))) return;
  throw new ApiError('InvalidParameter', `A ${what} name has 1 to 64 letters, digits, ".", "_" and "-".`);
}

/** A policy attached to a user or role. */
export interface PolicyAttachment {
  name: string;
  type: 'System' | 'Custom';
  /** Milliseconds since the Unix epoch. */
  attachTime?: number;
}

export const policyAttachmentSchema: z.ZodType<PolicyAttachment> = z.object({
  name: z.string(),
  type: z.enum(['System', 'Custom']),
  attachTime: z.number().exactOptional(),
});
