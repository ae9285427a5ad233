import { constants, createHash, publicEncrypt, verify, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { arn, KmsScene, type Answer } from '../../kms-scene.ts';
import { OpensslAuthority } from './authority.ts';

const subject = 'CN=shop.example.com,OU=web,O=Example\\, Inc.,L=Berlin,C=DE';
const message = Buffer.from('to be signed').toString('base64');

let authority: OpensslAuthority;
let kms: KmsScene;
beforeAll(() => {
  authority = new OpensslAuthority();
});
afterAll(() => authority.remove());
beforeEach(() => {
  kms = new KmsScene();
  kms.clock.stepWallClockTo(Date.now());
});

interface Created {
  Arn: string;
  CertificateId: string;
  Csr: string;
}

const create = async (parameters: Answer = {}): Promise<Created> =>
  (await kms.call('CreateCertificate', { Subject: subject, ...parameters })) as unknown as Created;

/** A certificate that is active. */
async function active(parameters: Answer = {}): Promise<Created & { certificate: X509Certificate }> {
  const created = await create(parameters);
  const { certificate, chain } = authority.issue(created.Csr);
  await kms.call('UploadCertificate', {
    CertificateId: created.CertificateId,
    Certificate: certificate,
    CertificateChain: chain,
  });
  return { ...created, certificate: new X509Certificate(certificate) };
}

describe('CreateCertificate', () => {
  it.each(['RSA_2048', 'EC_P256'])('of %s gives a request that OpenSSL reads, with its names', async (KeySpec) => {
    const created = await create({ KeySpec, SubjectAlternativeNames: '["shop.example.com","*.shop.example.com"]' });
    expect(created.Arn).toBe(arn(`certificate/${created.CertificateId}`));
    const text = authority.textOf(created.Csr);
    expect(text).toContain(`Subject: ${subject}`);
    expect(text).toContain('DNS:shop.example.com, DNS:*.shop.example.com');
    expect(await kms.call('GetCertificate', { CertificateId: created.CertificateId })).toEqual({
      Certificate: '',
      CertificateChain: '',
      CertificateId: created.CertificateId,
      Csr: created.Csr,
    });
  });

  it('leaves the extension out when there are no other names, and takes a map of them', async () => {
    expect(authority.textOf((await create()).Csr)).not.toContain('Alternative');
    const mapped = await create({ SubjectAlternativeNames: '{"DNS":["a.example.com"],"b":"b.example.com"}' });
    expect(authority.textOf(mapped.Csr)).toContain('DNS:a.example.com, DNS:b.example.com');
  });

  it.each([
    [{ Subject: 'CN=a,O=b,C=DE' }, 'OU is missing'],
    [{ Subject: 'CN=a,CN=b,OU=c,O=d,C=DE' }, 'It must have CN once'],
    [{ Subject: 'CN=a,OU=b,O=c,C=Germany' }, 'the two letters of a country'],
    [{ KeySpec: 'EC_P256K' }, 'It must be one of RSA_2048, EC_P256, EC_SM2'],
    [{ SubjectAlternativeNames: '["not a name"]' }, 'a JSON list of at most 10 DNS names'],
    [{ SubjectAlternativeNames: JSON.stringify(Array.from({ length: 11 }, (_, at) => `n${at}.example`)) }, '10'],
    [{ ProtectionLevel: 'HSM' }, 'Use SOFTWARE'],
  ])('refuses %j', async (parameters, why) => {
    expect(await failureOf('CreateCertificate', { Subject: subject, ...parameters })).toContain(why);
  });

  it('with a ClientToken gives the same certificate again', async () => {
    const first = await create({ ClientToken: 'once' });
    expect(await create({ ClientToken: 'once' })).toEqual(first);
    expect((await create({ ClientToken: 'twice' })).CertificateId).not.toBe(first.CertificateId);
  });

  it('asks for permission on the certificate that it makes, as the table of RAM has it', async () => {
    const [access] = await kms.access('CreateCertificate', { Subject: subject });
    expect(access).toMatch(/^kms:CreateCertificate on acs:kms:local:1000000000000000:certificate\/[0-9a-f-]{36}$/);
  });
});

describe('UploadCertificate', () => {
  it('activates what OpenSSL issued, and DescribeCertificate tells what it says', async () => {
    const { CertificateId, certificate } = await active({ SubjectAlternativeNames: '["shop.example.com"]' });
    expect(await kms.call('DescribeCertificate', { CertificateId })).toMatchObject({
      Arn: arn(`certificate/${CertificateId}`),
      Status: 'ACTIVE',
      KeySpec: 'RSA_2048',
      ProtectionLevel: 'SOFTWARE',
      ExportablePrivateKey: true,
      Issuer: 'CN=sub,O=Example',
      Subject: subject,
      SubjectAlternativeNames: ['shop.example.com'],
      SignatureAlgorithm: 'RSA2048-SHA256',
      Serial: certificate.serialNumber,
      NotAfter: `${certificate.validToDate.toISOString().slice(0, 19)}Z`,
      SubjectKeyIdentifier: expect.stringMatching(/^([0-9A-F]{2} ){19}[0-9A-F]{2}$/),
      Tags: { Tag: [] },
    });
    const got = await kms.call('GetCertificate', { CertificateId });
    expect(new X509Certificate(String(got['Certificate'])).raw).toEqual(certificate.raw);
    expect(String(got['CertificateChain']).match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  });

  it('refuses a certificate of another key', async () => {
    const [one, other] = [await create(), await create()];
    const { certificate: Certificate } = authority.issue(other.Csr);
    expect(await failureOf('UploadCertificate', { CertificateId: one.CertificateId, Certificate })).toContain(
      'must be of the key that made the request',
    );
  });

  it.each([
    [
      'in the wrong order',
      (chain: string) =>
        chain
          .split(/(?<=-----END CERTIFICATE-----\n)/)
          .toReversed()
          .join(''),
    ],
    [
      'without its first',
      (chain: string) =>
        chain
          .split(/(?<=-----END CERTIFICATE-----\n)/)
          .slice(1)
          .join(''),
    ],
    ['with text between', (chain: string) => `text\n${chain}`],
    ['of eleven', (chain: string) => chain.repeat(6)],
    ['that cannot be read', (chain: string) => chain.replaceAll(/^MII/gm, 'AAA')],
  ])('refuses a chain %s', async (_, spoil) => {
    const { CertificateId, Csr } = await create();
    const { certificate: Certificate, chain } = authority.issue(Csr);
    const parameters = { CertificateId, Certificate, CertificateChain: spoil(chain) };
    expect(await failureOf('UploadCertificate', parameters)).toContain('CertificateChain is not accepted');
    expect(await status(CertificateId)).toBe('PENDING');
  });

  it('refuses a certificate that is over, and takes a renewed one of the same key', async () => {
    const { CertificateId, Csr } = await active();
    const { certificate: Certificate, chain } = authority.issue(Csr, '-days 5');
    const parameters = { CertificateId, Certificate, CertificateChain: chain };
    await kms.call('UploadCertificate', parameters);
    kms.clock.advance(6 * 86_400_000);
    expect(await failureOf('UploadCertificate', parameters)).toContain('The certificate is over');
  });
});

describe('the keys of a certificate', () => {
  it.each([
    ['RSA_2048', 'RSA_PKCS1_SHA_256'],
    ['RSA_2048', 'RSA_PSS_SHA_256'],
    ['EC_P256', 'ECDSA_SHA_256'],
  ])('of %s sign by %s what the certificate verifies', async (KeySpec, Algorithm) => {
    const { CertificateId, certificate } = await active({ KeySpec });
    const signed = await kms.call('CertificatePrivateKeySign', { CertificateId, Algorithm, Message: message });
    const signature = String(signed['SignatureValue']);
    const key =
      Algorithm === 'RSA_PSS_SHA_256'
        ? { key: certificate.publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
        : certificate.publicKey;
    expect(verify('sha256', Buffer.from(message, 'base64'), key, Buffer.from(signature, 'base64'))).toBe(true);
    const digest = createHash('sha256').update('to be signed').digest('base64');
    for (const [given, MessageType, SignatureValid] of [
      [message, 'RAW', true],
      [digest, 'DIGEST', true],
      [Buffer.from('another').toString('base64'), 'RAW', false],
    ] as const) {
      const parameters = { CertificateId, Algorithm, Message: given, MessageType, SignatureValue: signature };
      expect(await kms.call('CertificatePublicKeyVerify', parameters)).toEqual({ CertificateId, SignatureValid });
    }
  });

  it.each(['RSAES_OAEP_SHA_256', 'RSAES_OAEP_SHA_1'])('decrypt by %s', async (Algorithm) => {
    const { CertificateId, certificate } = await active();
    const named = { CertificateId, Algorithm };
    const Plaintext = Buffer.from('secret').toString('base64');
    const sealed = await kms.call('CertificatePublicKeyEncrypt', { ...named, Plaintext });
    const CiphertextBlob = sealed['CiphertextBlob'];
    expect(await kms.call('CertificatePrivateKeyDecrypt', { ...named, CiphertextBlob })).toEqual({
      CertificateId,
      Plaintext,
    });
    const oaepHash = Algorithm.endsWith('256') ? 'sha256' : 'sha1';
    const outside = publicEncrypt({ key: certificate.publicKey, oaepHash }, Buffer.from('secret')).toString('base64');
    expect(await kms.call('CertificatePrivateKeyDecrypt', { ...named, CiphertextBlob: outside })).toMatchObject({
      Plaintext,
    });
    const changed = Buffer.from(outside, 'base64').fill(1, 0, 1).toString('base64');
    expect(await kms.failure('CertificatePrivateKeyDecrypt', { ...named, CiphertextBlob: changed })).toMatch(
      /^InvalidCiphertext/,
    );
  });

  it('take the algorithms of their spec only', async () => {
    const { CertificateId } = await active({ KeySpec: 'EC_P256' });
    const sign = { CertificateId, Algorithm: 'RSA_PSS_SHA_256', Message: message };
    expect(await kms.failure('CertificatePrivateKeySign', sign)).toContain('one of ECDSA_SHA_256');
    const encrypt = { CertificateId, Algorithm: 'RSAES_OAEP_SHA_256', Plaintext: message };
    expect(await kms.failure('CertificatePublicKeyEncrypt', encrypt)).toMatch(/^UnsupportedOperation/);
  });
});

describe('the status of a certificate', () => {
  const uses = (CertificateId: string, signature: string): [string, Answer][] => [
    ['CertificatePrivateKeySign', { CertificateId, Algorithm: 'RSA_PSS_SHA_256', Message: message }],
    [
      'CertificatePublicKeyVerify',
      { CertificateId, Algorithm: 'RSA_PSS_SHA_256', Message: message, SignatureValue: signature },
    ],
    ['CertificatePublicKeyEncrypt', { CertificateId, Algorithm: 'RSAES_OAEP_SHA_256', Plaintext: message }],
    ['CertificatePrivateKeyDecrypt', { CertificateId, Algorithm: 'RSAES_OAEP_SHA_256', CiphertextBlob: signature }],
  ];
  const outcomes = async (id: string, signature: string): Promise<string[]> => {
    const found: string[] = [];
    for (const [name, parameters] of uses(id, signature)) {
      found.push(
        await kms.call(name, parameters).then(
          () => 'ok',
          (error: { code?: string }) => String(error.code),
        ),
      );
    }
    return found;
  };

  it('decides what its keys may do', async () => {
    const pending = await create();
    const refused = (code: string): string[] => [code, code, code, code];
    expect(await outcomes(pending.CertificateId, 'AAAA')).toEqual(refused('Rejected.PendingImport'));
    const { CertificateId } = await active();
    const signed = await kms.call('CertificatePrivateKeySign', {
      CertificateId,
      Algorithm: 'RSA_PSS_SHA_256',
      Message: message,
    });
    const signature = String(signed['SignatureValue']);
    expect(await outcomes(CertificateId, signature)).toEqual(['ok', 'ok', 'ok', 'InvalidCiphertext']);
    await kms.call('UpdateCertificateStatus', { CertificateId, Status: 'INACTIVE' });
    expect(await outcomes(CertificateId, signature)).toEqual(refused('Rejected.Disabled'));
    await kms.call('UpdateCertificateStatus', { CertificateId, Status: 'ACTIVE' });
    await kms.call('UpdateCertificateStatus', { CertificateId, Status: 'REVOKED' });
    const rejected = 'Rejected.Disabled';
    expect(await outcomes(CertificateId, signature)).toEqual([rejected, 'ok', rejected, rejected]);
  });

  it('once REVOKED stays, and PENDING ends by upload only', async () => {
    const { CertificateId, Csr } = await active();
    await kms.call('UpdateCertificateStatus', { CertificateId, Status: 'REOVKED' });
    expect(await status(CertificateId)).toBe('REVOKED');
    for (const Status of ['ACTIVE', 'INACTIVE']) {
      expect(await kms.failure('UpdateCertificateStatus', { CertificateId, Status })).toMatch(
        /^Rejected.StateModifiedFailed/,
      );
    }
    const { certificate: Certificate } = authority.issue(Csr);
    expect(await kms.failure('UploadCertificate', { CertificateId, Certificate })).toContain('revoked, for good');
    const pending = await create();
    const activate = { CertificateId: pending.CertificateId, Status: 'ACTIVE' };
    expect(await kms.failure('UpdateCertificateStatus', activate)).toContain('Send UploadCertificate');
  });

  it('has older spellings, and no other words', async () => {
    const { CertificateId } = await active();
    await kms.call('UpdateCertificateStatus', { CertificateId, Status: 'DISABLED' });
    expect(await status(CertificateId)).toBe('INACTIVE');
    expect(await failureOf('UpdateCertificateStatus', { CertificateId, Status: 'constructor' })).toContain(
      'It must be one of',
    );
  });
});

describe('DeleteCertificate', () => {
  it('destroys the key and leaves a tombstone', async () => {
    const { CertificateId } = await active();
    await kms.call('DeleteCertificate', { CertificateId });
    for (const name of ['DescribeCertificate', 'GetCertificate', 'DeleteCertificate']) {
      expect(await kms.failure(name, { CertificateId })).toMatch(/^Certificate.NotFound/);
    }
    for (const bucket of ['kms/certificates', 'kms/certificate-keys']) expect(await kms.store.scan(bucket)).toEqual([]);
    expect(await kms.store.get('kms/tombstones', `certificate/${CertificateId}`)).toBeDefined();
  });
});

describe('tags of certificates', () => {
  it('are set, listed, removed, and go to authorization', async () => {
    const { CertificateId, Arn } = await create();
    const Tags = '[{"TagKey":"team","TagValue":"web"},{"TagKey":"stage","TagValue":"test"}]';
    await kms.call('TagResource', { CertificateId, Tags });
    expect(await kms.call('DescribeCertificate', { CertificateId })).toMatchObject({
      Tags: {
        Tag: [
          { TagKey: 'team', TagValue: 'web' },
          { TagKey: 'stage', TagValue: 'test' },
        ],
      },
    });
    await kms.call('UntagResource', { CertificateId, TagKeys: '["team"]' });
    expect(await kms.call('ListResourceTags', { CertificateId: Arn })).toEqual({
      Tags: { Tag: [{ CertificateId, TagKey: 'stage', TagValue: 'test' }] },
    });
    expect((await kms.accessRequests('DescribeCertificate', { CertificateId: Arn }))[0]).toMatchObject({
      action: 'kms:DescribeCertificate',
      resource: Arn,
      tags: { stage: 'test' },
    });
  });
});

async function status(CertificateId: string): Promise<unknown> {
  return (await kms.call('DescribeCertificate', { CertificateId }))['Status'];
}

/** The error of a call, also of one whose parameters do not decode. */
async function failureOf(name: string, parameters: Answer): Promise<string> {
  return kms.call(name, parameters).then(
    () => 'succeeded',
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );
}
