import { z } from 'zod';
import {
  EncryptionContextError,
  parseEncryptionContext,
  type EncryptionContext,
} from '../crypto/encryption-context.ts';

/**
 * Building blocks of the actions' input schemas. Protocols give numbers, booleans, maps and lists as text, or already
 * taken apart (`Tag.1.Key=…`, `EncryptionContext.<k>=…`); these accept both.
 *
 * An issue's message is a sentence about the parameter, `It must be …`, that says what is allowed. No message repeats
 * the value.
 */

interface TextRule {
  min?: number;
  max: number;
  pattern?: RegExp;
  /** Completes "It must be …" for people, such as `1 to 64 letters, digits, or _/+=.@-`. */
  allowed?: string;
}

const required = 'It is required.';

/** Text with a length in characters. */
export function text(rule: TextRule): z.ZodType<string> {
  const { min = 1, max, pattern } = rule;
  const message = `It must be ${rule.allowed ?? `${min} to ${max} characters`}.`;
  return z
    .string({ error: explain(message) })
    .refine((value) => value.length >= min && value.length <= max && (pattern?.test(value) ?? true), message);
}

/** One of some words, spelled exactly so. */
export function oneOf<const T extends string>(words: readonly T[]): z.ZodType<T> {
  const message = `It must be one of ${words.join(', ')}.`;
  return z.enum(words, { error: explain(message) });
}

/** A whole number, also as decimal digits. */
export function integer(min: number, max: number): z.ZodType<number> {
  const message = `It must be a whole number from ${min} to ${max}.`;
  return z.preprocess(
    readInteger,
    z
      .number({ error: explain(message) })
      .int(message)
      .min(min, message)
      .max(max, message),
  );
}

/** `true` or `false`, also as text in any case. */
export function flag(): z.ZodType<boolean> {
  return z.preprocess(readFlag, z.boolean({ error: explain('It must be true or false.') }));
}

function readInteger(value: unknown): unknown {
  return typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
}

const flagWords: ReadonlyMap<unknown, boolean> = new Map([
  ['true', true],
  ['false', false],
]);

function readFlag(value: unknown): unknown {
  return flagWords.get(typeof value === 'string' ? value.toLowerCase() : value) ?? value;
}

/** The message for a value of the wrong type: absent is another matter than wrong. */
function explain(message: string): (issue: { input?: unknown }) => string {
  return (issue) => (issue.input === undefined ? required : message);
}

/** A parameter that may be absent. Empty text counts as absent: SDKs send unset fields so. */
export function optional<T>(schema: z.ZodType<T>): z.ZodType<T | undefined> {
  return z.preprocess((value) => (value === '' ? undefined : value), schema.optional()).optional();
}

/** A parameter with a value of its own when it is absent. */
export function withDefault<T>(schema: z.ZodType<T>, value: T): z.ZodType<T> {
  return optional(schema).transform((given) => given ?? value);
}

/**
 * A parameter of the API that this service does not have. Left out or empty it changes nothing; anything else is refused
 * with the reason, a clause such as `there are no enclaves`, rather than passed over.
 */
export function refused(reason: string): z.ZodType<undefined> {
  const schema = z.preprocess(
    (value) => (value === '' ? undefined : value),
    z.undefined({ error: `It must be left out: ${reason}.` }),
  );
  return schema.optional().meta({ refused: reason });
}

/** Why a parameter of this schema is refused; `undefined` when it is read. */
export function refusalOf(schema: z.ZodType): string | undefined {
  const reason = schema.meta()?.['refused'];
  return typeof reason === 'string' ? reason : undefined;
}

/** JSON text of `schema`, or the same already parsed. `shape` completes "It must be …". */
export function json<T>(schema: z.ZodType<T>, shape: string): z.ZodType<T> {
  const message = `It must be ${shape}.`;
  return z.unknown().transform((value, context) => {
    if (value === undefined) {
      context.addIssue({ code: 'invalid_type', expected: 'string', message: required });
      return z.NEVER;
    }
    const result = schema.safeParse(parsed(value));
    if (result.success) return result.data;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
}

/** A list of up to `max` texts, as JSON text or as a list. */
export function textList(rule: TextRule, max: number, shape: string): z.ZodType<string[]> {
  return json(z.array(text(rule)).max(max), shape);
}

/** An encryption context, empty when absent. */
export function encryptionContext(): z.ZodType<EncryptionContext> {
  return z
    .unknown()
    .optional()
    .transform((value, context) => {
      try {
        return parseEncryptionContext(value ?? {});
      } catch (error) {
        if (!(error instanceof EncryptionContextError)) throw error;
        context.addIssue({ code: 'custom', message: `It ${error.message}.` });
        return z.NEVER;
      }
    });
}

/** Base64 text (RFC 4648 §4, padded) of 1 to `maxBytes` bytes. The text itself is the value. */
export function base64Text(maxBytes: number): z.ZodType<string> {
  const message = `It must be base64 of 1 to ${maxBytes} bytes.`;
  const fits = (value: string): boolean =>
    value.length <= Math.ceil(maxBytes / 3) * 4 && /^[A-Za-z0-9+/]*={0,2}$/.test(value) && isCanonical(value, maxBytes);
  return z.string({ error: explain(message) }).refine(fits, message);
}

function isCanonical(value: string, maxBytes: number): boolean {
  const bytes = Buffer.from(value, 'base64');
  return bytes.length > 0 && bytes.length <= maxBytes && bytes.toString('base64') === value;
}

/** Text as JSON where it is JSON; anything else as it is. */
function parsed(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** `KeyId`: an id, an alias with its `alias/`, or the ARN of either. */
export function keyReference(): z.ZodType<string> {
  return text({ max: 512, pattern: /^[\x21-\x7e]+$/, allowed: 'a key id, an alias such as alias/name, or an ARN' });
}

/** `SecretName`, also as an ARN. */
export function secretReference(): z.ZodType<string> {
  return text({ max: 512, pattern: /^[\x21-\x7e]+$/, allowed: 'the name of a secret or its ARN' });
}

/** `Description` of anything: 0 to 8192 characters. */
export function description(): z.ZodType<string> {
  return text({ min: 0, max: 8192 });
}

/** `Recipient`: the attestation of an enclave to which alone the answer is to be readable. */
export function noRecipient(): z.ZodType<undefined> {
  return refused('no enclave can be attested to this service, and the answer would be in the clear');
}
