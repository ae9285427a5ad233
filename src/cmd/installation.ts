import { z } from 'zod';

/** Settings that every process of one installation shares. */
export interface Installation {
  region: string;
  accountId: string;
}

/** Environment variables of {@link Installation}, to spread into a process's schema. */
export const installationVariables = {
  KAAP_REGION: z
    .string()
    .regex(/^[a-z0-9-]{1,32}$/, 'write lower-case letters, digits and hyphens, such as "local"')
    .default('local') as z.ZodType<string>,
  KAAP_ACCOUNT_ID: z
    .string()
    .regex(/^\d{16}$/, 'write 16 digits')
    .default('1000000000000000') as z.ZodType<string>,
  KAAP_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info') as z.ZodType<string>,
};
