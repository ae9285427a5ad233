import { createHash } from 'node:crypto';
import { z } from 'zod';
import { defineAction, type AnyAction } from '../../../ports/action.ts';

/** Algorithms by their names in the API, and the names of OpenSSL. */
const hashes: ReadonlyMap<string, string> = new Map([
  ['SHA_224', 'sha224'],
  ['SHA_256', 'sha256'],
  ['SHA_384', 'sha384'],
  ['SHA_512', 'sha512'],
  ['SM3', 'sm3'],
]);
const known = `must be one of ${[...hashes.keys()].join(', ')}`;

interface HashInput {
  Message: string;
  Algorithm: string;
}

const input: z.ZodType<HashInput> = z.object({
  Message: z.string(),
  Algorithm: z.string().refine((name) => hashes.has(name), known),
});

/** Hash of the instance gateway: the digest of a message. About no resource, so it needs a signature only. */
export function hashMessage(): AnyAction {
  return defineAction({
    name: 'Hash',
    product: 'Kms',
    input,
    unauthorized: true,
    plan: ({ Message, Algorithm }) => ({
      access: [],
      run: () => {
        const digest = createHash(hashes.get(Algorithm) ?? '').update(Buffer.from(Message, 'base64'));
        return Promise.resolve({ Digest: digest.digest('base64') });
      },
    }),
  });
}
