import { z } from 'zod';
import { createCertificateRequest, requestSignatures } from '../../../crypto/certificate-request.ts';
import { formatDistinguishedName, NameError, parseDistinguishedName } from '../../../crypto/distinguished-name.ts';
import type { DistinguishedName, NameAttribute } from '../../../crypto/certificate.ts';
import { uuidV4 } from '../../../crypto/uuid.ts';
import { isDnsName } from '../../../crypto/x509.ts';
import { ApiError } from '../../../lib/errors.ts';
import { defineAction, type AnyAction, type RequestContext } from '../../../ports/action.ts';
import { resourceArn } from '../../arn.ts';
import { callerIdentity } from '../../caller.ts';
import { certificateProvider } from '../../certificate-use.ts';
import { sharedScope, type KmsDependencies } from '../../dependencies.ts';
import { flag, json, oneOf, optional, text, withDefault } from '../../parameters.ts';
import {
  certificateKeyTable,
  certificateTable,
  certificateTokenTable,
  type CertificateRecord,
} from '../../records/certificate.ts';

const maxNames = 10;
/** Attributes that a subject must have (KMS CreateCertificate → Subject). */
const requiredAttributes: readonly NameAttribute[] = ['CN', 'C', 'O', 'OU'];
/** Attributes that a subject has once. */
const singleAttributes: readonly NameAttribute[] = ['CN', 'C'];

const input = z.object({
  Subject: subjectName(),
  KeySpec: withDefault(oneOf([...requestSignatures.keys()]), 'RSA_2048'),
  ProtectionLevel: withDefault(oneOf(['SOFTWARE', 'HSM']), 'SOFTWARE'),
  SubjectAlternativeNames: withDefault(dnsNames(), []),
  ExportablePrivateKey: withDefault(flag(), true),
  ClientToken: optional(text({ max: 64, pattern: /^[\x21-\x7e]+$/, allowed: '1 to 64 ASCII characters' })),
});
type Input = z.infer<typeof input>;

/**
 * KMS CreateCertificate: makes a key pair and the request for a certificate, for an authority to sign. Authorized, as RAM's
 * table has it, on the certificate that it makes.
 */
export function createCertificate(dependencies: KmsDependencies): AnyAction {
  return defineAction<Input>({
    name: 'CreateCertificate',
    product: 'Kms',
    input,
    plan: (parameters, context) => {
      const id = uuidV4(dependencies.random);
      const resource = resourceArn(dependencies, 'certificate', id);
      return {
        access: [{ action: 'kms:CreateCertificate', resource, scope: sharedScope }],
        run: async () => {
          const { certificateId, csr } = await create(dependencies, id, parameters, context);
          return {
            Arn: resourceArn(dependencies, 'certificate', certificateId),
            CertificateId: certificateId,
            Csr: csr,
          };
        },
      };
    },
  });
}

async function create(
  dependencies: KmsDependencies,
  certificateId: string,
  parameters: Input,
  context: RequestContext,
): Promise<CertificateRecord> {
  if (parameters.ProtectionLevel === 'HSM') {
    throw new ApiError('Unsupported.ProtectionLevel', 'Keys of certificates are kept in software. Use SOFTWARE.');
  }
  const made = await makeKeyAndRequest(dependencies, certificateId, parameters);
  const { ClientToken } = parameters;
  const token = ClientToken === undefined ? undefined : `${callerIdentity(context.principal)}\n${ClientToken}`;
  return dependencies.store.transact(async (transaction) => {
    const earlier = token === undefined ? undefined : await certificateTokenTable.get(transaction, token);
    const existing = earlier === undefined ? undefined : await certificateTable.get(transaction, earlier.certificateId);
    if (existing !== undefined) return existing;
    await certificateTable.put(transaction, certificateId, made.record);
    await certificateKeyTable.put(transaction, certificateId, made.key);
    if (token !== undefined) await certificateTokenTable.put(transaction, token, { certificateId });
    return made.record;
  });
}

async function makeKeyAndRequest(
  dependencies: KmsDependencies,
  certificateId: string,
  parameters: Input,
): Promise<{ record: CertificateRecord; key: { keySpec: string; material: string } }> {
  const { KeySpec: keySpec, Subject: subject, SubjectAlternativeNames: alternativeNames } = parameters;
  const signature = requestSignatures.get(keySpec);
  if (signature === undefined) throw new Error(`there is no signature of requests for ${keySpec}`);
  const provider = certificateProvider(dependencies);
  const material = { ...(await provider.generate(keySpec)), versionId: certificateId };
  const publicKey = await provider.publicKey(material);
  const csr = await createCertificateRequest({
    subject,
    dnsNames: alternativeNames,
    publicKey,
    signature,
    signDigest: (algorithm, digest) => provider.signDigest(material, algorithm, digest),
  });
  const now = dependencies.clock.now();
  const record: CertificateRecord = {
    certificateId,
    status: 'PENDING',
    keySpec,
    subject: formatDistinguishedName(subject),
    alternativeNames,
    exportablePrivateKey: parameters.ExportablePrivateKey,
    csr,
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }),
    createTime: now,
    updateTime: now,
    tags: {},
  };
  return { record, key: { keySpec, material: material.bytes.toString('base64') } };
}

/** `Subject`: a distinguished name as RFC 2253 writes it. */
function subjectName(): z.ZodType<DistinguishedName> {
  return text({ max: 1024, allowed: 'a name such as CN=shop,OU=web,O=Example,C=DE' }).transform((value, context) => {
    try {
      return checkedSubject(parseDistinguishedName(value));
    } catch (error) {
      if (!(error instanceof NameError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
      return z.NEVER;
    }
  });
}

function checkedSubject(name: DistinguishedName): DistinguishedName {
  const given = name.map(([attribute]) => attribute);
  const missing = requiredAttributes.find((attribute) => !given.includes(attribute));
  if (missing !== undefined)
    throw new NameError(`It must have ${requiredAttributes.join(', ')}; ${missing} is missing.`);
  const twice = singleAttributes.find((attribute) => given.indexOf(attribute) !== given.lastIndexOf(attribute));
  if (twice !== undefined) throw new NameError(`It must have ${twice} once.`);
  return name;
}

/** `SubjectAlternativeNames`: a list of DNS names, or a map of such lists, which is what the SDK for Go sends. */
function dnsNames(): z.ZodType<string[]> {
  const name = z.string().refine(isDnsName);
  const list = z.array(name).max(maxNames);
  const map = z.record(z.string(), z.union([name.transform((one) => [one]), list]));
  const flat = map.transform((lists) => Object.values(lists).flat()).refine((names) => names.length <= maxNames);
  return json(z.union([list, flat]), `a JSON list of at most ${maxNames} DNS names, such as ["shop.example.com"]`);
}
