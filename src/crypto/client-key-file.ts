import { createPrivateKey, X509Certificate } from 'node:crypto';
import { ApiError } from '../lib/errors.ts';
import { maxPkcs12Bytes, Pkcs12Error, Pkcs12PasswordError, readPkcs12, type Pkcs12Contents } from './pkcs12-reader.ts';

/** An opened client key file: what signs requests of an application access point. */
export interface OpenedClientKey {
  /** `KAAP.<uuid>`. */
  keyId: string;
  /** PKCS#8. */
  privateKeyPem: string;
  certificatePem: string;
  /** Milliseconds since the Unix epoch; valid from (inclusive) to (exclusive). */
  notBefore: number;
  notAfter: number;
}

const maxFileCharacters = 2 * maxPkcs12Bytes;
const keyIdPattern = /^KAAP\.[0-9A-Za-z-]{1,64}$/;

/**
 * Opens a client key file: JSON with `KeyId` and `PrivateKeyData`, the base64 of a PKCS#12 file. Its cost is bounded
 * whatever the file says. Throws `InvalidPassword` when the password does not open it, `InvalidParameter` when it is no
 * such file, or when `now` is given and outside the certificate's time.
 */
export function openClientKeyFile(json: string, password: string, options: { now?: number } = {}): OpenedClientKey {
  const { KeyId, PrivateKeyData } = readJson(json);
  const { privateKey, certificate } = open(PrivateKeyData, password);
  try {
    const key = createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' });
    const x509 = new X509Certificate(certificate);
    if (key.asymmetricKeyType !== 'rsa' || !x509.checkPrivateKey(key)) throw unusable('holds a key that does not fit');
    const opened: OpenedClientKey = {
      keyId: KeyId,
      privateKeyPem: key.export({ type: 'pkcs8', format: 'pem' }),
      certificatePem: x509.toString(),
      notBefore: x509.validFromDate.getTime(),
      notAfter: x509.validToDate.getTime(),
    };
    assertInTime(opened, options.now);
    return opened;
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw unusable('holds no RSA key with its certificate');
  } finally {
    privateKey.fill(0);
  }
}

function readJson(json: string): { KeyId: string; PrivateKeyData: string } {
  if (json.length > maxFileCharacters) throw unusable(`is larger than ${maxFileCharacters} characters`);
  let file: unknown;
  try {
    file = JSON.parse(json);
  } catch {
    throw unusable('is not JSON');
  }
  const { KeyId, PrivateKeyData } = (file ?? {}) as Record<string, unknown>;
  if (typeof KeyId !== 'string' || !keyIdPattern.test(KeyId)) throw unusable('has no KeyId');
  if (typeof PrivateKeyData !== 'string') throw unusable('has no PrivateKeyData');
  return { KeyId, PrivateKeyData };
}

function open(privateKeyData: string, password: string): Pkcs12Contents {
  try {
    return readPkcs12(Buffer.from(privateKeyData, 'base64'), password);
  } catch (error) {
    if (error instanceof Pkcs12PasswordError) {
      throw new ApiError(
        'InvalidPassword',
        'The password does not open the client key file. Use the one it was made with.',
      );
    }
    throw error instanceof Pkcs12Error ? unusable(error.message) : error;
  }
}

function assertInTime({ notBefore, notAfter }: OpenedClientKey, now: number | undefined): void {
  if (now === undefined) return;
  if (now < notBefore) throw unusable('is not valid yet');
  if (now >= notAfter) throw unusable('has expired');
}

function unusable(why: string): ApiError {
  return new ApiError('InvalidParameter', `The client key file ${why}. Make a new one with CreateClientKey.`);
}
