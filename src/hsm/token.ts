import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Handle, Mechanism, RsaOAEP, RsaPSS } from 'pkcs11js';
import { derInteger, derNull, derOctetString, derOid, derSequence } from '../crypto/der.ts';
import { decodeOaep, OaepError } from '../crypto/oaep.ts';
import { hsmStatus } from '../providers/pkcs11-frames.ts';
import { KeyHandles, newObjectId } from './key-handles.ts';
import { hsmRow, importTemplate, recipeOf } from './key-templates.ts';
import { decodeMaterial, encodeMaterial, type HsmMaterial } from './material.ts';
import type { OpenToken } from './module.ts';
import { exportPublicKey } from './public-key.ts';
import { SessionPool } from './session-pool.ts';
import { returnValueOf, returnValues, TokenError, tokenErrorOf } from './token-error.ts';

/** What a vendor's token does in its own way. */
export interface MechanismProfile {
  /** `raw`: the token has the bare RSA operation, and the padding is decoded here. `native`: it has OAEP with every hash. */
  oaep: 'raw' | 'native';
  /** Decrypts every new ciphertext before it is given out: a module that gives garbage loses nothing. */
  verifyEncryption: boolean;
  /** Milliseconds that a copy of a secret key in the memory of the module is worked with; 0: none is made. */
  copyMs: number;
}

const ivBytes = 12;
const tagBytes = 16;
const sha256Oid = '2.16.840.1.101.3.4.2.1';
const stale: ReadonlySet<number | undefined> = new Set([
  returnValues.keyHandleInvalid,
  returnValues.objectHandleInvalid,
]);
const unauthentic: ReadonlySet<number | undefined> = new Set([
  returnValues.generalError,
  returnValues.functionFailed,
  returnValues.encryptedDataInvalid,
  returnValues.encryptedDataLenRange,
  returnValues.dataInvalid,
  returnValues.dataLenRange,
  returnValues.signatureInvalid,
]);

/**
 * The operations of the `hsm` process on an open token. Short ones (AES, HMAC, ECDSA) are synchronous: a call costs less
 * than handing it over. Long ones (RSA, making pairs) run on libuv's threads, each on a session of its own, and their
 * buffers are held by the closures that wait for them.
 */
export class Token {
  readonly #token: OpenToken;
  readonly #profile: MechanismProfile;
  readonly #session: Handle;
  readonly #pool: SessionPool<Handle>;
  readonly #handles: KeyHandles;

  constructor(token: OpenToken, profile: MechanismProfile, sessions: number) {
    this.#token = token;
    this.#profile = profile;
    this.#session = token.openSession();
    this.#pool = new SessionPool(Array.from({ length: sessions }, () => token.openSession()));
    this.#handles = new KeyHandles(token, this.#session, profile);
  }

  /** Whether the token answers: fails when it was taken out. */
  ping(): void {
    this.#token.library.C_GetSessionInfo(this.#session);
  }

  async generate(description: Buffer): Promise<Buffer> {
    const { instance, spec, storage } = JSON.parse(description.toString('utf8')) as HsmMaterial;
    const row = hsmRow(spec);
    const stays = storage === 'HsmInternal';
    const id = newObjectId();
    const { mechanism, template, publicTemplate } = recipeOf(this.#token.binding, row, stays, id);
    const { library } = this.#token;
    if (publicTemplate === undefined) {
      return this.#keep({ instance, spec, storage }, id, library.C_GenerateKey(this.#session, mechanism, template));
    }
    // Objects of a session go with it: the home session makes the pair, on a thread, and nothing else is on it meanwhile.
    return this.#pool.use(async (session) => {
      const pair = await library.C_GenerateKeyPairAsync(session, mechanism, publicTemplate, template);
      const spki = exportPublicKey(this.#token, session, pair.publicKey, row).toString('base64');
      library.C_DestroyObject(session, pair.publicKey);
      return this.#keep({ instance, spec, storage, public: spki }, id, pair.privateKey);
    });
  }

  /** The symmetric key with a label, made when there is none: for keys that outlive what refers to them, such as a seal's. */
  namedKey(description: Buffer): Buffer {
    const { instance, spec, label } = JSON.parse(description.toString('utf8')) as HsmMaterial & { label: string };
    const row = hsmRow(spec);
    if (row.form !== 'symmetric')
      throw new TokenError(hsmStatus.unsupported, 'Only symmetric keys are found by a label.');
    const { mechanism, template } = recipeOf(this.#token.binding, row, true, newObjectId());
    const id = this.#handles.named(label, mechanism, template);
    return encodeMaterial({ v: 1, instance, spec, storage: 'HsmInternal', id });
  }

  importMaterial(description: Buffer, value: Buffer): Buffer {
    const { instance, spec, storage } = JSON.parse(description.toString('utf8')) as HsmMaterial;
    const row = hsmRow(spec);
    if (row.pair !== undefined) {
      throw new TokenError(hsmStatus.unsupported, 'Private keys are not imported into the HSM.');
    }
    const id = newObjectId();
    const template = importTemplate(this.#token.binding, row, storage === 'HsmInternal', id, value);
    return this.#keep({ instance, spec, storage }, id, this.#token.library.C_CreateObject(this.#session, template));
  }

  encrypt(material: Buffer, plaintext: Buffer, aad: Buffer): Buffer[] {
    const key = decodeMaterial(material);
    const iv = randomBytes(ivBytes);
    const sealed = this.#withHandle(key, (handle) => {
      this.#token.library.C_EncryptInit(this.#session, this.#gcm(iv, aad), handle);
      return this.#token.library.C_Encrypt(this.#session, plaintext, Buffer.alloc(plaintext.length + tagBytes));
    });
    if (sealed.length !== plaintext.length + tagBytes || !this.#verifies(key, iv, aad, sealed, plaintext)) {
      throw new TokenError(hsmStatus.retry, 'The token did not decrypt what it had just encrypted.', true);
    }
    return [iv, sealed.subarray(0, plaintext.length), sealed.subarray(plaintext.length)];
  }

  decrypt(material: Buffer, iv: Buffer, ciphertext: Buffer, tag: Buffer, aad: Buffer): Buffer {
    const key = decodeMaterial(material);
    try {
      return this.#open(key, iv, aad, Buffer.concat([ciphertext, tag]));
    } catch (error) {
      throw this.#decryptionError(error, () => {
        const [probeIv = iv, text = iv, probeTag = tag] = this.encrypt(material, Buffer.alloc(16), aad);
        this.#open(key, probeIv, aad, Buffer.concat([text, probeTag]));
      });
    }
  }

  async sign(material: Buffer, algorithm: string, digest: Buffer): Promise<Buffer> {
    const key = decodeMaterial(material);
    const { binding, library } = this.#token;
    if (algorithm === 'ECDSA_SHA_256') {
      const raw = this.#withHandle(key, (handle) => {
        library.C_SignInit(this.#session, { mechanism: binding.CKM_ECDSA }, handle);
        return library.C_Sign(this.#session, digest, Buffer.alloc(2 * 32));
      });
      return derSequence(derInteger(raw.subarray(0, 32)), derInteger(raw.subarray(32)));
    }
    const pkcs1 = algorithm === 'RSA_PKCS1_SHA_256';
    const mechanism: Mechanism = pkcs1
      ? { mechanism: binding.CKM_RSA_PKCS }
      : {
          mechanism: binding.CKM_RSA_PKCS_PSS,
          parameter: pssParameters(binding),
        };
    const input = pkcs1
      ? derSequence(derSequence(derOid(sha256Oid), derNull()), derOctetString(digest))
      : Buffer.from(digest);
    const output = Buffer.alloc(512);
    return this.#pool.use(async (session) => {
      this.#withHandle(key, (handle) => library.C_SignInit(session, mechanism, handle));
      return library.C_SignAsync(session, input, output);
    });
  }

  async decryptAsymmetric(material: Buffer, algorithm: string, ciphertext: Buffer): Promise<Buffer> {
    const key = decodeMaterial(material);
    const hash = algorithm === 'RSAES_OAEP_SHA_1' ? 'sha1' : 'sha256';
    const output = Buffer.alloc(512);
    const input = Buffer.from(ciphertext);
    const { library } = this.#token;
    const decoded = await this.#pool.use(async (session) => {
      this.#withHandle(key, (handle) => library.C_DecryptInit(session, this.#oaep(hash), handle));
      return library.C_DecryptAsync(session, input, output).catch((error: unknown) => error);
    });
    if (!(decoded instanceof Buffer)) throw this.#decryptionError(decoded, () => this.ping());
    if (this.#profile.oaep === 'native') return decoded;
    try {
      return Buffer.from(decodeOaep(decoded, hash));
    } catch (error) {
      if (!(error instanceof OaepError)) throw error;
      throw invalidCiphertext();
    }
  }

  mac(material: Buffer, message: Buffer): Buffer {
    const key = decodeMaterial(material);
    const { binding, library } = this.#token;
    const mechanisms = {
      sha224: binding.CKM_SHA224_HMAC,
      sha256: binding.CKM_SHA256_HMAC,
      sha384: binding.CKM_SHA384_HMAC,
      sha512: binding.CKM_SHA512_HMAC,
      sm3: 0,
    };
    const mechanism = mechanisms[hsmRow(key.spec).macHash ?? 'sm3'];
    return this.#withHandle(key, (handle) => {
      library.C_SignInit(this.#session, { mechanism }, handle);
      return library.C_Sign(this.#session, message, Buffer.alloc(64));
    });
  }

  destroy(material: Buffer): void {
    const key = decodeMaterial(material);
    if (key.wrapped === undefined) this.#token.library.C_DestroyObject(this.#session, this.#handles.original(key));
    this.#handles.drop(key);
  }

  /** The key as it is stored: its id, or its wrapped bytes. */
  #keep(made: Omit<HsmMaterial, 'v' | 'id'>, id: Buffer, handle: Handle): Buffer {
    if (made.storage === 'HsmInternal') {
      this.#handles.add(id, handle);
      return encodeMaterial({ v: 1, ...made, id: id.toString('hex') });
    }
    const kek = this.#handles.wrappingKey(made.instance);
    const wrapped = this.#handles.wrap(kek, handle).toString('base64');
    this.#token.library.C_DestroyObject(this.#session, handle);
    return encodeMaterial({ v: 1, ...made, id: kek, wrapped });
  }

  /** Runs with the key's handle; once more when the token does not know the handle any more. */
  #withHandle<T>(key: HsmMaterial, work: (handle: Handle) => T): T {
    try {
      return work(this.#handles.of(key));
    } catch (error) {
      if (!stale.has(returnValueOf(error))) throw error;
      this.#handles.drop(key);
      return work(this.#handles.of(key));
    }
  }

  #open(key: HsmMaterial, iv: Buffer, aad: Buffer, sealed: Buffer): Buffer {
    const { library } = this.#token;
    const plaintext = this.#withHandle(key, (handle) => {
      library.C_DecryptInit(this.#session, this.#gcm(iv, aad), handle);
      return library.C_Decrypt(this.#session, sealed, Buffer.alloc(sealed.length));
    });
    if (plaintext.length === sealed.length - tagBytes) return plaintext;
    throw new TokenError(hsmStatus.retry, 'The token gave a plaintext of another length.', true);
  }

  #verifies(key: HsmMaterial, iv: Buffer, aad: Buffer, sealed: Buffer, plaintext: Buffer): boolean {
    if (!this.#profile.verifyEncryption) return true;
    try {
      const again = this.#open(key, iv, aad, sealed);
      return again.length === plaintext.length && timingSafeEqual(again, plaintext);
    } catch {
      return false;
    }
  }

  /**
   * Tokens say of a forged ciphertext what they also say of a failure of their own (CKR_GENERAL_ERROR in SoftHSM2). So they
   * are made to work once more: only a token that works has refused the ciphertext.
   */
  #decryptionError(error: unknown, probe: () => void): TokenError {
    if (error instanceof TokenError || !unauthentic.has(returnValueOf(error))) return tokenErrorOf(error);
    try {
      probe();
      return invalidCiphertext();
    } catch (failure) {
      return tokenErrorOf(failure);
    }
  }

  #gcm(iv: Buffer, aad: Buffer): Mechanism {
    const { binding } = this.#token;
    const parameter = { type: binding.CK_PARAMS_AES_GCM, iv, ivBits: ivBytes * 8, aad, tagBits: tagBytes * 8 };
    return { mechanism: binding.CKM_AES_GCM, parameter };
  }

  #oaep(hash: 'sha1' | 'sha256'): Mechanism {
    const { binding } = this.#token;
    if (this.#profile.oaep === 'raw') return { mechanism: binding.CKM_RSA_X_509 };
    const [hashAlg, mgf] =
      hash === 'sha1' ? [binding.CKM_SHA_1, binding.CKG_MGF1_SHA1] : [binding.CKM_SHA256, binding.CKG_MGF1_SHA256];
    const parameter: RsaOAEP = { type: binding.CK_PARAMS_RSA_OAEP, hashAlg, mgf, source: 1 };
    return { mechanism: binding.CKM_RSA_PKCS_OAEP, parameter };
  }
}

/** RSASSA-PSS with SHA-256, MGF1 over it, and a salt of 32 bytes. */
function pssParameters(binding: OpenToken['binding']): RsaPSS {
  const { CK_PARAMS_RSA_PSS: type, CKM_SHA256: hashAlg, CKG_MGF1_SHA256: mgf } = binding;
  return { type, hashAlg, mgf, saltLen: 32 };
}

function invalidCiphertext(): TokenError {
  return new TokenError(hsmStatus.invalidCiphertext, 'The ciphertext does not authenticate.');
}
