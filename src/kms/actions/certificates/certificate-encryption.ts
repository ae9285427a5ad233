import { createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { asymmetricCiphers, type AsymmetricCipher } from '../../../crypto/asymmetric.ts';
import { keySpecs } from '../../../crypto/key-specs.ts';
import { maxSm2CiphertextBytes } from '../../../crypto/sm2-encryption.ts';
import { ApiError } from '../../../lib/errors.ts';
import type { AnyAction } from '../../../ports/action.ts';
import { certificateReference } from '../../certificate-lookup.ts';
import { usableCertificate } from '../../certificate-use.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { base64Text, oneOf } from '../../parameters.ts';
import type { CertificateRecord } from '../../records/certificate.ts';
import { certificateAction } from './certificate-action.ts';

/** SM2 takes texts of many blocks, and has the longest ciphertexts; the other limits are the key's. */
const maxCiphertextBytes = maxSm2CiphertextBytes;

/** Ciphers of certificates: the elliptic curves of the KMS's keys encrypt, those of certificates only sign. */
const certificateCiphers = [...asymmetricCiphers.keys()].filter((name) => !name.startsWith('ECIES'));

const named = z.object({
  CertificateId: certificateReference(),
  Algorithm: oneOf(certificateCiphers),
});
const encryptInput = named.extend({ Plaintext: base64Text(maxCiphertextBytes) });
const decryptInput = named.extend({ CiphertextBlob: base64Text(maxCiphertextBytes) });

/** KMS CertificatePublicKeyEncrypt: with the public key of a certificate that is active. */
export function certificatePublicKeyEncrypt(dependencies: KmsDependencies): AnyAction {
  return certificateAction(dependencies, {
    name: 'CertificatePublicKeyEncrypt',
    input: encryptInput,
    run: async (found, { Algorithm, Plaintext }) => {
      const { certificate } = await usableCertificate(dependencies, found, 'encrypt');
      const cipher = cipherOf(certificate, Algorithm);
      const publicKey = createPublicKey(certificate.publicKey);
      const plaintext = Buffer.from(Plaintext, 'base64');
      try {
        const longest = cipher.maxPlaintextBytes(publicKey.asymmetricKeyDetails?.modulusLength ?? 0);
        if (plaintext.length > longest) {
          const message = `The parameter Plaintext must be base64 of 1 to ${longest} bytes for this key and algorithm.`;
          throw new ApiError('InvalidParameter', message);
        }
        const CiphertextBlob = cipher.encrypt(publicKey, plaintext, dependencies.random).toString('base64');
        return { CertificateId: certificate.certificateId, CiphertextBlob };
      } finally {
        plaintext.fill(0);
      }
    },
  });
}

/** KMS CertificatePrivateKeyDecrypt. Whatever is wrong with the ciphertext, the error is the same. */
export function certificatePrivateKeyDecrypt(dependencies: KmsDependencies): AnyAction {
  return certificateAction(dependencies, {
    name: 'CertificatePrivateKeyDecrypt',
    input: decryptInput,
    run: async (found, { Algorithm, CiphertextBlob }) => {
      const { certificate, material, provider } = await usableCertificate(dependencies, found, 'decrypt');
      cipherOf(certificate, Algorithm);
      const ciphertext = Buffer.from(CiphertextBlob, 'base64');
      const plaintext = await provider.decryptAsymmetric(material, Algorithm, ciphertext);
      try {
        return { CertificateId: certificate.certificateId, Plaintext: plaintext.toString('base64') };
      } finally {
        plaintext.fill(0);
      }
    },
  });
}

function cipherOf({ keySpec }: CertificateRecord, algorithm: string): AsymmetricCipher {
  const ofSpec = keySpecs[keySpec]?.algorithms['ENCRYPT/DECRYPT'] ?? [];
  const known = ofSpec.filter((name) => certificateCiphers.includes(name));
  const cipher = known.includes(algorithm) ? asymmetricCiphers.get(algorithm) : undefined;
  if (cipher !== undefined) return cipher;
  if (known.length === 0) throw new ApiError('UnsupportedOperation', `A key of ${keySpec} does not encrypt.`);
  throw new ApiError('InvalidParameter', `The parameter Algorithm must be one of ${known.join(', ')} for this key.`);
}
