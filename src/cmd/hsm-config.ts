import { z } from 'zod';

/** Environment variables of `hsm`, supervisor and worker, beside the log level. The PIN is in a file, and nowhere else. */
export const hsmVariables = {
  KAAP_HSM_MODULE: z.string({ error: 'name the PKCS#11 module of the vendor' }) as z.ZodType<string>,
  KAAP_HSM_TOKEN: z.string({ error: 'name the label of the token' }) as z.ZodType<string>,
  KAAP_HSM_PIN_FILE: z.string({ error: 'name the file with the user PIN' }) as z.ZodType<string>,
  KAAP_HSM_SOCKET: z.string().default('/run/kaap-hsm/private/hsm.sock') as z.ZodType<string>,
  /** Sessions for RSA and for making pairs. */
  KAAP_HSM_SESSIONS: z
    .string()
    .regex(/^\d{1,3}$/)
    .default('4') as z.ZodType<string>,
  KAAP_HSM_OAEP: z.enum(['raw', 'native']).default('raw') as z.ZodType<'raw' | 'native'>,
  KAAP_HSM_VERIFY_ENCRYPTION: z.enum(['true', 'false']).default('true') as z.ZodType<string>,
  /** Seconds that a copy of a key in the memory of the module is worked with; 0: none is made. */
  KAAP_HSM_COPY_SECONDS: z
    .string()
    .regex(/^\d{1,4}$/)
    .default('0') as z.ZodType<string>,
  /** Milliseconds without a sign of life after which the worker is killed. RSA_4096 pairs take seconds. */
  KAAP_HSM_HANG_MS: z
    .string()
    .regex(/^\d{3,6}$/)
    .default('15000') as z.ZodType<string>,
};
