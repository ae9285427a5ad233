import { z } from 'zod';
import type { RandomBytes } from '../crypto/uuid.ts';
import { json, optional, text } from './parameters.ts';
import { passwordRuleFields, randomPassword, type PasswordRules } from './random-password.ts';

/** How a generic secret's value is made, and made anew at each rotation. */
export interface SecretGenerator extends PasswordRules {
  /** Fields of a JSON object that are not generated, such as the user name. Needs {@link GeneratedField}. */
  Template?: Record<string, string> | undefined;
  /** Field of the JSON object that gets the random password; without it the password is the whole value. */
  GeneratedField?: string | undefined;
}

const maxTemplateBytes = 8192;

/** `SecretDataGenerator`: GetRandomPassword's parameters, with a template where the value is a JSON object. */
export function secretGenerator(): z.ZodType<SecretGenerator> {
  const template = z
    .record(z.string(), z.string())
    .refine((fields) => Buffer.byteLength(JSON.stringify(fields)) <= maxTemplateBytes);
  const shape = z
    .object({
      ...passwordRuleFields,
      Template: optional(json(template, `a JSON object of texts, of at most ${maxTemplateBytes} bytes`)),
      GeneratedField: optional(text({ max: 128 })),
    })
    .refine(({ Template, GeneratedField }) => Template === undefined || GeneratedField !== undefined);
  return json(
    shape,
    "a JSON object of GetRandomPassword's parameters; with Template, a JSON object of texts, also GeneratedField",
  );
}

/**
 * A new value by the generator. With a field, the other fields are those of the value before, when that is a JSON object,
 * so that what was put by hand since stays; else those of the template.
 */
export function generateValue(random: RandomBytes, generator: SecretGenerator, before?: string): string {
  const password = randomPassword(random, generator);
  const { GeneratedField: field, Template = {} } = generator;
  if (field === undefined) return password;
  const fields = (before === undefined ? undefined : jsonObject(before)) ?? Template;
  return JSON.stringify(
    Object.fromEntries([...Object.entries(fields).filter(([name]) => name !== field), [field, password]]),
  );
}

/** The JSON object that a text is; `undefined` when it is none. */
export function jsonObject(value: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(value);
    const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
    return isObject ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
