import { z } from 'zod';
import { randomIndex } from '../../../crypto/random-index.ts';
import type { RandomBytes } from '../../../crypto/uuid.ts';
import { ApiError } from '../../../lib/errors.ts';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import { sharedScope, type KmsDependencies } from '../../dependencies.ts';
import { flag, integer, text, withDefault } from '../../parameters.ts';

const lowercase = 'abcdefghijklmnopqrstuvwxyz';
const numbers = '0123456789';
const punctuation = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';

const input = z.object({
  PasswordLength: withDefault(integer(8, 128), 32),
  ExcludeCharacters: withDefault(text({ max: 62 }), ''),
  ExcludeLowercase: withDefault(flag(), false),
  ExcludeUppercase: withDefault(flag(), false),
  ExcludeNumbers: withDefault(flag(), false),
  ExcludePunctuation: withDefault(flag(), false),
  RequireEachIncludedType: withDefault(flag(), true),
});
type Input = z.infer<typeof input>;

/** KMS GetRandomPassword. Nothing is stored. Its permission has no resource. */
export function getRandomPassword({ random }: KmsDependencies): AnyAction {
  return defineAction<Input>({
    name: 'GetRandomPassword',
    product: 'Kms',
    input,
    plan: (parameters) => ({
      access: [{ action: 'kms:GetRandomPassword', resource: '*', scope: sharedScope }],
      run: () => Promise.resolve({ RandomPassword: randomPassword(random, parameters) }),
    }),
  });
}

function randomPassword(random: RandomBytes, parameters: Input): string {
  const alphabets = alphabetsOf(parameters);
  const all = alphabets.join('');
  const characters = parameters.RequireEachIncludedType ? alphabets.map((alphabet) => pick(random, alphabet)) : [];
  while (characters.length < parameters.PasswordLength) characters.push(pick(random, all));
  return shuffled(random, characters).join('');
}

function alphabetsOf(parameters: Input): string[] {
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
