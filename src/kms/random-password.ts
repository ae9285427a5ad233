import { z } from 'zod';
import { randomIndex } from '../crypto/random-index.ts';
import type { RandomBytes } from '../crypto/uuid.ts';
import { ApiError } from '../lib/errors.ts';
import { flag, integer, text, withDefault } from './parameters.ts';

const lowercase = 'abcdefghijklmnopqrstuvwxyz';
const numbers = '0123456789';
const punctuation = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';

/** What a random password looks like: the parameters of KMS GetRandomPassword. */
export interface PasswordRules {
  /** Characters, 8 to 128. */
  PasswordLength: number;
  ExcludeCharacters: string;
  ExcludeLowercase: boolean;
  ExcludeUppercase: boolean;
  ExcludeNumbers: boolean;
  ExcludePunctuation: boolean;
  RequireEachIncludedType: boolean;
}

/** Schemas of the fields of {@link PasswordRules}, with the defaults of the API. */
export const passwordRuleFields: { readonly [Field in keyof PasswordRules]: z.ZodType<PasswordRules[Field]> } = {
  PasswordLength: withDefault(integer(8, 128), 32),
  ExcludeCharacters: withDefault(text({ max: 62 }), ''),
  ExcludeLowercase: withDefault(flag(), false),
  ExcludeUppercase: withDefault(flag(), false),
  ExcludeNumbers: withDefault(flag(), false),
  ExcludePunctuation: withDefault(flag(), false),
  RequireEachIncludedType: withDefault(flag(), true),
};

/** Schema of {@link PasswordRules}. */
export const passwordRules: z.ZodType<PasswordRules> = z.object(passwordRuleFields);

/** A password by the rules. Throws InvalidParameter when they exclude every character. */
export function randomPassword(random: RandomBytes, parameters: PasswordRules): string {
  const alphabets = alphabetsOf(parameters);
  const all = alphabets.join('');
  const characters = parameters.RequireEachIncludedType ? alphabets.map((alphabet) => pick(random, alphabet)) : [];
  while (characters.length < parameters.PasswordLength) characters.push(pick(random, all));
  return shuffled(random, characters).join('');
}

function alphabetsOf(parameters: PasswordRules): string[] {
  const choices: [boolean, string][] = [
    [parameters.ExcludeLowercase, lowercase],
    [parameters.ExcludeUppercase, lowercase.toUpperCase()],
    [parameters.ExcludeNumbers, numbers],
    [parameters.ExcludePunctuation, punctuation],
  ];
  const alphabets = choices
    .filter(([excluded]) => !excluded)
    .map(([, alphabet]) => without(alphabet, parameters.ExcludeCharacters))
    .filter((alphabet) => alphabet !== '');
  if (alphabets.length > 0) return alphabets;
  throw new ApiError('InvalidParameter', 'The parameters exclude every character. Exclude fewer.');
}

function without(alphabet: string, excluded: string): string {
  return Array.from(alphabet)
    .filter((character) => !excluded.includes(character))
    .join('');
}

function pick(random: RandomBytes, alphabet: string): string {
  return alphabet[randomIndex(random, alphabet.length)] ?? '';
}

/** Fisher and Yates: every order is equally likely. */
function shuffled(random: RandomBytes, characters: readonly string[]): string[] {
  const result = [...characters];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = randomIndex(random, last + 1);
    [result[last], result[other]] = [result[other] ?? '', result[last] ?? ''];
  }
  return result;
}
