import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import forge from 'node-forge';
import { certificatePem, extensions, signCertificate, type DistinguishedName } from './certificate.ts';
import { serialNumber } from './x509.ts';
import type { RandomBytes } from './uuid.ts';

export interface ClientKeyOptions {
  /** Name of the access point: the certificate's common name. */
  name: string;
  /** 8 to 64 printable ASCII characters. */
  password: string;
  /** Milliseconds since the Unix epoch; whole seconds count. */
  notBefore: number;
  notAfter: number;
  random: RandomBytes;
  /** A key to use instead of a new one; for tests. PKCS#8 or PKCS#1 PEM of an RSA key. */
  keyPem?: string;
}

/** A new client key: what its owner gets, and what the service keeps. The private key is in neither in plain. */
export interface ClientKey {
  /** Base64 of a PKCS#12 file under the password. */
  privateKeyData: string;
  /** PEM. */
  certificatePem: string;
}

/** Hashes per derivation, as in Alibaba Cloud's own files. */
const iterations = 2048;
const newRsaKey = promisify(generateKeyPair);

/**
 * Makes a client key: RSA-2048, a self-signed certificate, and both in a PKCS#12 file whose structure every SDK of
 * Alibaba Cloud reads (x/crypto/pkcs12 of Go is the narrowest): two safes, the certificate first, then the key under
 * pbeWithSHA1And3-KeyTripleDES-CBC; a SHA-1 MAC.
 */
export async function createClientKey(options: ClientKeyOptions): Promise<ClientKey> {
  const privateKeyPem = options.keyPem ?? (await newPrivateKeyPem());
  const key = forge.pki.privateKeyFromPem(privateKeyPem);
  const certificate = certificatePem(selfSigned(options, privateKeyPem));
  const forgeCertificate = forge.pki.certificateFromPem(certificate);
  const file = forge.pkcs12.toPkcs12Asn1(key, [forgeCertificate], options.password, {
    algorithm: '3des',
    count: iterations,
    saltSize: 8,
    useMac: true,
    generateLocalKeyId: true,
  });
  return { privateKeyData: forge.util.encode64(forge.asn1.toDer(file).getBytes()), certificatePem: certificate };
}

async function newPrivateKeyPem(): Promise<string> {
  const { privateKey } = await newRsaKey('rsa', { modulusLength: 2048, publicExponent: 65_537 });
  return privateKey.export({ type: 'pkcs1', format: 'pem' });
}

function selfSigned({ name, notBefore, notAfter, random }: ClientKeyOptions, privateKeyPem: string): Buffer {
  const publicKey: KeyObject = createPublicKey(privateKeyPem);
  const subject: DistinguishedName = [
    ['C', 'CN'],
    ['ST', 'Zhejiang'],
    ['L', 'Hangzhou'],
    ['O', 'Alibaba'],
    ['OU', 'Aliyun'],
    ['CN', name],
  ];
  return signCertificate(
    {
      subject,
      issuer: subject,
      serialNumber: serialNumber(random),
      notBefore,
      notAfter,
      publicKey,
      extensions: [extensions.keyUsage('digitalSignature')],
    },
    createPrivateKey(privateKeyPem),
  );
}
