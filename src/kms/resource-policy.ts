import type { z } from 'zod';
import { parsePolicyDocument } from '../policy/document.ts';
import { policyKinds } from '../policy/policy-kinds.ts';
import { text } from './parameters.ts';

/** The one policy name there is (KMS SetKeyPolicy). */
export const policyName = 'default';

const { maxBytes } = policyKinds.resource;

/** `Policy`: a document as JSON text. */
export function policyText(): z.ZodType<string> {
  return text({ max: maxBytes, allowed: `a policy document, as JSON of at most ${maxBytes} bytes` });
}

/** Throws `InvalidPolicyDocument`, with the element that is wrong, unless the text is a key or secret policy. */
export function assertResourcePolicy(policy: string): void {
  parsePolicyDocument(policy, 'resource');
}

/** The policy of a key or secret that has none of its own: whoever the account's RAM policies allow. */
export function defaultResourcePolicy(kind: 'key' | 'secret', accountId: string): string {
  return JSON.stringify({
    Statement: [
      {
        Action: ['kms:*'],
        Effect: 'Allow',
        Principal: { RAM: [`acs:ram::${accountId}:*`] },
        Resource: ['*'],
        Sid: `kms default ${kind} policy`,
      },
    ],
    Version: '1',
  });
}
