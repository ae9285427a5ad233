import { randomBytes } from 'node:crypto';
import type { Handle, Mechanism } from 'pkcs11js';
import { openToken, type OpenToken, type TokenLocation } from '../../src/hsm/module.ts';

/** What came out: milliseconds, or calls a second; and microseconds of a processor for each call. */
export interface DirectAnswer {
  value: number;
  processorUs: number;
}

/**
 * A process that calls the module by itself, with nothing between: what the token gives to any caller. It is told what to
 * measure by messages, and answers each with a {@link DirectAnswer}.
 */
export interface DirectQuestion extends TokenLocation {
  what: 'open' | 'generate' | 'encrypt' | 'decrypt' | 'sign';
  /** Keys to make, for `generate`. */
  count: number;
  seconds: number;
}

let token: OpenToken | undefined;
let session: Handle;
const keys: Handle[] = [];
const text = randomBytes(40);

function opened(location: TokenLocation): OpenToken {
  if (token !== undefined) return token;
  token = openToken(location);
  session = token.openSession();
  return token;
}

/** Milliseconds until every object of the token is known by its id. */
function open(question: DirectQuestion): number {
  const started = performance.now();
  const { binding, library } = opened(question);
  library.C_FindObjectsInit(session, [{ type: binding.CKA_TOKEN, value: true }]);
  for (let found = library.C_FindObjects(session, 1000); found.length > 0;) {
    keys.push(...found);
    found = library.C_FindObjects(session, 1000);
  }
  library.C_FindObjectsFinal(session);
  for (const key of keys) library.C_GetAttributeValue(session, key, [{ type: binding.CKA_ID }]);
  return performance.now() - started;
}

function generate(question: DirectQuestion): number {
  const { binding, library } = opened(question);
  for (let made = 0; made < question.count; made += 1) {
    const { CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE, CKA_ENCRYPT, CKA_DECRYPT } = binding;
    const flags = [CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE, CKA_ENCRYPT, CKA_DECRYPT];
    const template = flags.map((type) => ({ type, value: true }));
    const id = { type: binding.CKA_ID, value: randomBytes(16) };
    const length = { type: binding.CKA_VALUE_LEN, value: 32 };
    keys.push(library.C_GenerateKey(session, { mechanism: binding.CKM_AES_KEY_GEN }, [...template, id, length]));
  }
  return question.count;
}

const gcm = ({ binding }: OpenToken, iv: Buffer): Mechanism => {
  const parameter = { type: binding.CK_PARAMS_AES_GCM, iv, ivBits: 96, aad: Buffer.alloc(0), tagBits: 128 };
  return { mechanism: binding.CKM_AES_GCM, parameter };
};

const keyAt = (at: number): Handle => keys[at % keys.length] ?? Buffer.alloc(0);

function encryptOnce(used: OpenToken, at: number, iv: Buffer): Buffer {
  used.library.C_EncryptInit(session, gcm(used, iv), keyAt(at));
  return used.library.C_Encrypt(session, text, Buffer.alloc(text.length + 16));
}

/** Calls a second, one after another, each with the next key. */
function repeat(seconds: number, call: (at: number) => void): number {
  const started = performance.now();
  let calls = 0;
  for (; performance.now() - started < seconds * 1000; calls += 1) call(calls);
  return calls / ((performance.now() - started) / 1000);
}

const encrypt = (question: DirectQuestion): number => {
  const used = opened(question);
  return repeat(question.seconds, (at) => void encryptOnce(used, at, randomBytes(12)));
};

const decrypt = (question: DirectQuestion): number => {
  const used = opened(question);
  const iv = randomBytes(12);
  const sealed = keys.slice(0, 100).map((_key, at) => encryptOnce(used, at, iv));
  return repeat(question.seconds, (at) => {
    used.library.C_DecryptInit(session, gcm(used, iv), keyAt(at % sealed.length));
    used.library.C_Decrypt(session, sealed[at % sealed.length] ?? text, Buffer.alloc(64));
  });
};

/** RSA_2048 signatures a second on four sessions, each with one call in flight. */
async function sign(question: DirectQuestion): Promise<number> {
  const used = opened(question);
  const { binding, library } = used;
  const { privateKey } = library.C_GenerateKeyPair(
    session,
    { mechanism: binding.CKM_RSA_PKCS_KEY_PAIR_GEN },
    [
      { type: binding.CKA_MODULUS_BITS, value: 2048 },
      { type: binding.CKA_PUBLIC_EXPONENT, value: Buffer.from([1, 0, 1]) },
    ],
    [{ type: binding.CKA_SIGN, value: true }],
  );
  const started = performance.now();
  let calls = 0;
  const work = async (own: Handle): Promise<void> => {
    const digest = randomBytes(51);
    for (; performance.now() - started < question.seconds * 1000; calls += 1) {
      library.C_SignInit(own, { mechanism: binding.CKM_RSA_PKCS }, privateKey);
      await library.C_SignAsync(own, digest, Buffer.alloc(256));
    }
  };
  await Promise.all(Array.from({ length: 4 }, () => work(used.openSession())));
  return calls / ((performance.now() - started) / 1000);
}

const works = { open, generate, encrypt, decrypt, sign };

async function answer(question: DirectQuestion): Promise<void> {
  const before = process.cpuUsage();
  const value = await works[question.what](question);
  const { user, system } = process.cpuUsage(before);
  process.send?.({ value, processorUs: (user + system) / (value * question.seconds) } satisfies DirectAnswer);
}

process.on('message', (question: DirectQuestion) => void answer(question));
