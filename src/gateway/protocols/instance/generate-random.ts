import { z } from 'zod';
import { defineAction, type AnyAction } from '../../../ports/action.ts';

interface GenerateRandomInput {
  Length: number;
}

const input: z.ZodType<GenerateRandomInput> = z.object({
  Length: z
    .string()
    .regex(/^\d{1,4}$/, 'must be a whole number from 1 to 1024')
    .transform(Number)
    .refine((length) => length >= 1 && length <= 1024, 'must be a whole number from 1 to 1024'),
});

/** GenerateRandom of the instance gateway: up to 1024 random bytes. About no resource, so it needs a signature only. */
export function generateRandom(random: (bytes: number) => Buffer): AnyAction {
  return defineAction({
    name: 'GenerateRandom',
    product: 'Kms',
    input,
    unauthorized: true,
    plan: ({ Length }) => ({
      access: [],
      run: () => Promise.resolve({ Random: random(Length).toString('base64') }),
    }),
  });
}
