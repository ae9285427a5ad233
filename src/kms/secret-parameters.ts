import { z } from 'zod';
import { ApiError } from '../lib/errors.ts';
import { isCanonicalRelativeId } from '../policy/arn.ts';
import { json, oneOf, text, textList, withDefault } from './parameters.ts';
import type { SecretValue } from './secret-value.ts';

const maxNameCharacters = 192;
const maxDataBytes = 30_720;

/** What names of new secrets are. */
export const secretNameRule: string = `1 to ${maxNameCharacters} letters, digits or _/+=.@-, without empty, "." or ".." segments, and not begin with acs/`;

/**
 * Name of a new secret: 1 to 192 characters. `$Auto` asks for the name that belongs to the secret's type. Names under `acs/`
 * are for managed types, which the type decides.
 */
export function newSecretName(): z.ZodType<string> {
  const free = (name: string): boolean =>
    name === autoText || (name.length <= maxNameCharacters && isCanonicalRelativeId(name));
  return text({ max: maxNameCharacters, allowed: secretNameRule }).refine(free, `It must be ${secretNameRule}.`);
}

/** What a parameter says that leaves the choice to the service. */
export const autoText = '$Auto';

/** `VersionId`: 1 to 64 printable ASCII characters. */
export function versionId(): z.ZodType<string> {
  return text({ max: 64, pattern: /^[\x21-\x7e]+$/, allowed: '1 to 64 printable ASCII characters' });
}

/** A stage label such as `ACSCurrent`. */
export function versionStage(): z.ZodType<string> {
  return text({ max: 64, pattern: /^[\x21-\x7e]+$/, allowed: 'a stage label of 1 to 64 printable ASCII characters' });
}

/** `VersionStages`: `["ACSCurrent"]`, at most eight. */
export function versionStages(): z.ZodType<string[]> {
  const rule = { max: 64, pattern: /^[\x21-\x7e]+$/ };
  return textList(rule, 8, 'a JSON list of at most 8 stage labels, such as ["ACSCurrent"]');
}

/** `SecretData`: at most 30720 bytes of UTF-8. */
export function secretData(): z.ZodType<string> {
  const message = `It must be 1 to ${maxDataBytes} bytes.`;
  return text({ max: maxDataBytes, allowed: `1 to ${maxDataBytes} bytes` }).refine(
    (data) => Buffer.byteLength(data, 'utf8') <= maxDataBytes,
    message,
  );
}

/** `SecretDataType`: `text` unless given. */
export function secretDataType(): z.ZodType<SecretValue['dataType']> {
  return withDefault(oneOf(['text', 'binary']), 'text');
}

/** The value that the two parameters give. A binary value must be base64. */
export function secretValue(data: string, dataType: SecretValue['dataType']): SecretValue {
  if (dataType === 'binary' && Buffer.from(data, 'base64').toString('base64') !== data) {
    throw new ApiError('InvalidParameter', 'The parameter SecretData must be base64 when SecretDataType is binary.');
  }
  return { data, dataType };
}

/** `ExtendedConfig` of a generic secret: `{"CustomData":{…}}`. The value is its JSON text. */
export function extendedConfig(): z.ZodType<string> {
  const shape = z.object({ CustomData: json(z.record(z.string(), z.string()), 'a map of texts').optional() });
  return json(shape, 'a JSON object such as {"CustomData":{"team":"shop"}}, of at most 1024 characters')
    .transform((config) => JSON.stringify(config))
    .refine((config) => config.length <= 1024, 'It must be at most 1024 characters.');
}
