import { createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { signatureAlgorithms } from '../../../crypto/asymmetric.ts';
import { keySpecs } from '../../../crypto/key-specs.ts';
import { messageDigest } from '../../../crypto/message-digest.ts';
import { ApiError } from '../../../lib/errors.ts';
import type { AnyAction } from '../../../ports/action.ts';
import { certificateReference } from '../../certificate-lookup.ts';
import { usableCertificate } from '../../certificate-use.ts';
import type { KmsDependencies } from '../../dependencies.ts';
import { base64Text, oneOf, withDefault } from '../../parameters.ts';
import type { CertificateRecord } from '../../records/certificate.ts';
import { certificateAction } from './certificate-action.ts';

/** KMS CertificatePrivateKeySign → Message: larger messages are given as their digest. */
const maxMessageBytes = 4096;
const maxSignatureBytes = 512;

const signInput = z.object({
  CertificateId: certificateReference(),
  Algorithm: oneOf(algorithmNames()),
  Message: base64Text(maxMessageBytes),
  MessageType: withDefault(oneOf(['RAW', 'DIGEST']), 'RAW'),
});
const verifyInput = signInput.extend({ SignatureValue: base64Text(maxSignatureBytes) });

/** KMS CertificatePrivateKeySign: signs a message, or its digest, with the key of a certificate that is active. */
export function certificatePrivateKeySign(dependencies: KmsDependencies): AnyAction {
  return certificateAction(dependencies, {
    name: 'CertificatePrivateKeySign',
    input: signInput,
    run: async (found, parameters) => {
      const { certificate, material, provider } = await usableCertificate(dependencies, found, 'sign');
      const digest = digestOf(certificate, parameters);
      const signature = await provider.signDigest(material, parameters.Algorithm, digest);
      return { CertificateId: certificate.certificateId, SignatureValue: signature.toString('base64') };
    },
  });
}

/** KMS CertificatePublicKeyVerify: whether the signature is of the message. A malformed one is not; that is no error. */
export function certificatePublicKeyVerify(dependencies: KmsDependencies): AnyAction {
  return certificateAction(dependencies, {
    name: 'CertificatePublicKeyVerify',
    input: verifyInput,
    run: async (found, parameters) => {
      const { certificate, material, provider } = await usableCertificate(dependencies, found, 'verify');
      const signature = Buffer.from(parameters.SignatureValue, 'base64');
      const digest = digestOf(certificate, parameters);
      const SignatureValid = await provider.verifyDigest(material, parameters.Algorithm, digest, signature);
      return { CertificateId: certificate.certificateId, SignatureValid };
    },
  });
}

function algorithmNames(): string[] {
  return [...signatureAlgorithms.keys()];
}

function digestOf(
  { keySpec, publicKey }: CertificateRecord,
  { Algorithm, Message, MessageType }: z.infer<typeof signInput>,
): Buffer {
  const known = keySpecs[keySpec]?.algorithms['SIGN/VERIFY'] ?? [];
  if (!known.includes(Algorithm)) {
    throw new ApiError('InvalidParameter', `The parameter Algorithm must be one of ${known.join(', ')} for this key.`);
  }
  const message = Buffer.from(Message, 'base64');
  if (MessageType === 'RAW') return messageDigest(Algorithm, createPublicKey(publicKey), message);
  const digestBytes = signatureAlgorithms.get(Algorithm)?.digestBytes;
  if (message.length === digestBytes) return message;
  throw new ApiError('InvalidParameter', `The parameter Message must be base64 of ${digestBytes} bytes, a digest.`);
}
