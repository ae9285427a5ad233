import { z } from 'zod';
import { generateSshKeyPair } from '../crypto/ssh-key.ts';
import type { RandomBytes } from '../crypto/uuid.ts';
import { ApiError } from '../lib/errors.ts';
import { json } from './parameters.ts';
import { randomPassword } from './random-password.ts';
import type { SecretType } from './records/secret.ts';

/** Parsed ExtendedConfig. */
export type ExtendedConfig = Readonly<Record<string, unknown>>;

/** The values of a new secret, as they are read: JSON texts. */
export interface InitialValues {
  readonly current: string;
  /** The second account of a secret that has two. */
  readonly previous?: string;
  /** Made up here, for `$Auto`: nothing knows it yet, and the hook must set it first. */
  readonly isMadeUp?: true;
}

/** The values that a rotation starts from. */
export interface ValuesBefore {
  readonly current: Readonly<Record<string, unknown>>;
  readonly previous?: Readonly<Record<string, unknown>> | undefined;
}

/** A type of managed secret: what its configuration and its values look like (KMS CreateSecret). */
export interface ManagedType {
  readonly config: z.ZodType<ExtendedConfig>;
  /** What a name must begin with, and the name that `$Auto` stands for. */
  readonly namePrefix?: string;
  readonly autoName?: (config: ExtendedConfig) => string;
  readonly initial: (data: string, config: ExtendedConfig, random: RandomBytes) => Promise<InitialValues>;
  /** The next value, for those that a hook sets. */
  readonly next?: (before: ValuesBefore, config: ExtendedConfig, random: RandomBytes) => Promise<string>;
}

const word = z.string().min(1).max(128);
const customData = z.record(z.string(), z.string()).refine((data) => Object.keys(data).length <= 10);
const CustomData = json(customData, 'a map of at most ten texts').optional();

/** Passwords that RDS, PolarDB, Redis and ECS take: three kinds of characters at least, and few kinds of punctuation. */
function newPassword(random: RandomBytes): string {
  return randomPassword(random, {
    PasswordLength: 30,
    ExcludeCharacters: '"#$%&\',./:;<>?@[\\]`{|}~',
    ExcludeLowercase: false,
    ExcludeUppercase: false,
    ExcludeNumbers: false,
    ExcludePunctuation: false,
    RequireEachIncludedType: true,
  });
}

function shaped<T>(schema: z.ZodType<T>, data: string, shape: string): T {
  const result = json(schema, shape).safeParse(data);
  if (result.success) return result.data;
  throw new ApiError('InvalidParameter', `The parameter SecretData must be ${shape}.`);
}

const account = z.strictObject({ AccountName: word, AccountPassword: word });
const accountsShape = '{"Accounts":[{"AccountName":"…","AccountPassword":"…"}]}';

/** Accounts of a database or cache: one, whose password changes; or two that take turns. */
function accounts(config: z.ZodType<ExtendedConfig>): ManagedType {
  return {
    config,
    initial: async (data, { SecretSubType, AccountName, CloneAccountName }, random) => {
      const isDouble = SecretSubType === 'DoubleUsers';
      if (data === '$Auto') return madeUpAccounts(isDouble ? [AccountName, CloneAccountName] : [AccountName], random);
      const count = isDouble ? 2 : 1;
      const schema = z.strictObject({ Accounts: z.array(account).length(count) });
      const { Accounts } = shaped(schema, data, `${accountsShape} with ${count} of them`);
      const [current, previous] = Accounts.map((each) => JSON.stringify(each));
      return { current: current ?? '', ...(previous !== undefined && { previous }) };
    },
    next: async ({ current, previous }, { SecretSubType }, random) => {
      const turn = SecretSubType === 'DoubleUsers' ? (previous ?? current) : current;
      return JSON.stringify({ AccountName: turn['AccountName'], AccountPassword: newPassword(random) });
    },
  };
}

function madeUpAccounts(names: readonly unknown[], random: RandomBytes): InitialValues {
  const [current, previous] = names.map((AccountName) => {
    if (typeof AccountName === 'string') return JSON.stringify({ AccountName, AccountPassword: newPassword(random) });
    throw new ApiError(
      'InvalidParameter',
      'SecretData $Auto needs AccountName in ExtendedConfig (and CloneAccountName for two accounts).',
    );
  });
  return { current: current ?? '', ...(previous !== undefined && { previous }), isMadeUp: true };
}

const databaseAccounts = { AccountName: word.optional(), CloneAccountName: word.optional(), CustomData };
const subType = z.enum(['SingleUser', 'DoubleUsers']);

const accessKey = z.strictObject({ AccessKeyId: word, AccessKeySecret: word, GenerateTimestamp: word.optional() });

const ramCredentials: ManagedType = {
  config: z.strictObject({ SecretSubType: z.literal('RamUserAccessKey'), UserName: word, CustomData }),
  namePrefix: 'acs/ram/user/',
  autoName: ({ UserName }) => `acs/ram/user/${String(UserName)}`,
  initial: async (data) => {
    const shape = '{"AccessKeys":[{"AccessKeyId":"…","AccessKeySecret":"…"}]}';
    const { AccessKeys } = shaped(z.strictObject({ AccessKeys: z.array(accessKey).length(1) }), data, shape);
    return { current: JSON.stringify(AccessKeys[0]) };
  },
};

const login = { UserName: word };
const passwordLogin = z.strictObject({ ...login, Password: word });
const keyText = z.string().min(1).max(8192);
const keyLogin = z.strictObject({ ...login, PublicKey: keyText, PrivateKey: keyText });

const ecs: ManagedType = {
  config: z.strictObject({
    SecretSubType: z.enum(['Password', 'SSHKey']),
    RegionId: word,
    InstanceId: word,
    CommandId: word.optional(),
    CustomData,
  }),
  namePrefix: 'acs/ecs/',
  initial: async (data, { SecretSubType }) =>
    SecretSubType === 'Password'
      ? { current: JSON.stringify(shaped(passwordLogin, data, '{"UserName":"…","Password":"…"}')) }
      : { current: JSON.stringify(shaped(keyLogin, data, '{"UserName":"…","PublicKey":"…","PrivateKey":"…"}')) },
  next: async ({ current: { UserName } }, { SecretSubType }, random) => {
    if (SecretSubType === 'Password') return JSON.stringify({ UserName, Password: newPassword(random) });
    const { publicKey, privateKey } = await generateSshKeyPair();
    return JSON.stringify({ UserName, PublicKey: publicKey, PrivateKey: privateKey });
  },
};

/** Types of managed secret. Generic secrets are not managed. */
export const managedTypes: Readonly<Record<Exclude<SecretType, 'Generic'>, ManagedType>> = {
  Rds: accounts(z.strictObject({ SecretSubType: subType, DBInstanceId: word, ...databaseAccounts })),
  PolarDB: accounts(
    z.strictObject({ SecretSubType: subType, DBClusterId: word, RegionId: word.optional(), ...databaseAccounts }),
  ),
  Redis: accounts(
    z.strictObject({
      SecretSubType: subType,
      InstanceId: word,
      RegionId: word,
      AccountPrivilege: word.optional(),
      ...databaseAccounts,
    }),
  ),
  RAMCredentials: ramCredentials,
  ECS: ecs,
};

/** The row of a type; `undefined` for generic secrets. */
export function managedTypeOf(type: SecretType): ManagedType | undefined {
  return type === 'Generic' ? undefined : managedTypes[type];
}
