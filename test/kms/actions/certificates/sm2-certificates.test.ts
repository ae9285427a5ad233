import { writeFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { sm2 } from 'sm-crypto-v2';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isSignedBy } from '../../../../src/crypto/certificate-chain.ts';
import { publicPoint } from '../../../../src/crypto/sm2.ts';
import { KmsScene, type Answer } from '../../kms-scene.ts';
import { OpensslAuthority } from './authority.ts';

const subject = 'CN=shop.example.com,OU=web,O=Example,L=Berlin,C=DE';
const signerId = 'distid:1234567812345678';

/** An authority of OpenSSL's own on the curve SM2, which signs with the default signer id. */
class Sm2Authority extends OpensslAuthority {
  constructor() {
    super();
    this.run('genpkey -algorithm SM2 -out sm2.key');
    this.run(`req -x509 -key sm2.key -out sm2.crt -days 30 -subj /CN=sm2-root -sm3 -sigopt ${signerId}`);
    // Another one of the same name.
    this.run('genpkey -algorithm SM2 -out other.key');
    this.run(`req -x509 -key other.key -out other.crt -days 30 -subj /CN=sm2-root -sm3 -sigopt ${signerId}`);
  }

  /** Verifies the request with the default signer id, and signs a certificate for it. */
  issueSm2(csr: string, by = 'sm2', signing = ` -sigopt ${signerId}`): string {
    writeFileSync(this.path('leaf.csr'), csr);
    this.run(`req -in leaf.csr -verify -noout -vfyopt ${signerId}`);
    const signer = `-CA ${by}.crt -CAkey ${by}.key -CAcreateserial${signing}`;
    this.run(`x509 -req -in leaf.csr ${signer} -out leaf.crt -days 10 -sm3 -copy_extensions copy -vfyopt ${signerId}`);
    return this.read('leaf.crt');
  }
}

let authority: Sm2Authority;
let kms: KmsScene;
beforeAll(() => {
  authority = new Sm2Authority();
});
afterAll(() => authority.remove());
beforeEach(() => {
  kms = new KmsScene();
  kms.clock.stepWallClockTo(Date.now());
});

interface Created {
  CertificateId: string;
  Csr: string;
}

const create = async (parameters: Answer = {}): Promise<Created> =>
  (await kms.call('CreateCertificate', { Subject: subject, KeySpec: 'EC_SM2', ...parameters })) as unknown as Created;

async function active(): Promise<Created & { certificate: X509Certificate }> {
  const created = await create();
  const Certificate = authority.issueSm2(created.Csr);
  const { CertificateId } = created;
  await kms.call('UploadCertificate', { CertificateId, Certificate, CertificateChain: authority.read('sm2.crt') });
  return { ...created, certificate: new X509Certificate(Certificate) };
}

describe('Certificates of EC_SM2', () => {
  it('have a request that OpenSSL verifies with the default signer id, and signs', async () => {
    const { CertificateId, certificate } = await active();
    expect(certificate.subject).toContain('CN=shop.example.com');
    expect(await kms.call('DescribeCertificate', { CertificateId })).toMatchObject({
      Status: 'ACTIVE',
      KeySpec: 'EC_SM2',
      SignatureAlgorithm: 'SM2-SM3',
      Subject: subject,
    });
  });

  it('have names in their request', async () => {
    const { Csr } = await create({ SubjectAlternativeNames: '["shop.example.com"]' });
    expect(authority.textOf(Csr)).toContain('DNS:shop.example.com');
  });

  it('sign a message as another implementation verifies it, and its digest alike', async () => {
    const { CertificateId, certificate } = await active();
    const message = Buffer.from('to be signed');
    const point = publicPoint(certificate.publicKey).toString('hex');
    const call = { CertificateId, Algorithm: 'SM2DSA', Message: message.toString('base64') };
    const { SignatureValue } = await kms.call('CertificatePrivateKeySign', call);
    const hex = Buffer.from(String(SignatureValue), 'base64').toString('hex');
    expect(sm2.doVerifySignature(new Uint8Array(message), hex, point, { der: true, hash: true })).toBe(true);
    expect(await kms.call('CertificatePublicKeyVerify', { ...call, SignatureValue })).toMatchObject({
      SignatureValid: true,
    });
    const Message = Buffer.from(sm2.getHash(new Uint8Array(message), point), 'hex').toString('base64');
    const asDigest = { ...call, Message, MessageType: 'DIGEST', SignatureValue };
    expect(await kms.call('CertificatePublicKeyVerify', asDigest)).toMatchObject({ SignatureValid: true });
    const other = { ...call, Message: Buffer.from('another').toString('base64'), SignatureValue };
    expect(await kms.call('CertificatePublicKeyVerify', other)).toMatchObject({ SignatureValid: false });
  });

  it('encrypt and decrypt by SM2PKE, up to the length of the curve’s limit', async () => {
    const { CertificateId } = await active();
    const call = { CertificateId, Algorithm: 'SM2PKE' };
    for (const length of [1, 400, 6047]) {
      const Plaintext = Buffer.alloc(length, 7).toString('base64');
      const { CiphertextBlob } = await kms.call('CertificatePublicKeyEncrypt', { ...call, Plaintext });
      expect(await kms.call('CertificatePrivateKeyDecrypt', { ...call, CiphertextBlob })).toMatchObject({ Plaintext });
    }
    const Plaintext = Buffer.alloc(6048).toString('base64');
    expect(await kms.failure('CertificatePublicKeyEncrypt', { ...call, Plaintext })).toMatch(/1 to 6047 bytes/);
    expect(
      await kms.failure('CertificatePrivateKeySign', { ...call, Algorithm: 'ECDSA_SHA_256', Message: 'AAAA' }),
    ).toMatch(/must be one of SM2DSA/);
  });

  it.each([
    ['by another key of the same name', 'other', ` -sigopt ${signerId}`],
    ['for a signer without an id', 'sm2', ''],
  ])('are refused when they are signed %s', async (_how, key, signing) => {
    const { CertificateId, Csr } = await create();
    const Certificate = authority.issueSm2(Csr, key, signing);
    const parameters = { CertificateId, Certificate, CertificateChain: authority.read('sm2.crt') };
    expect(await kms.failure('UploadCertificate', parameters)).toMatch(/is not signed by the one after it/);
  });

  it('are of the key that made the request', async () => {
    const [one, other] = [await create(), await create()];
    const Certificate = authority.issueSm2(other.Csr);
    expect(await kms.failure('UploadCertificate', { CertificateId: one.CertificateId, Certificate })).toMatch(
      /must be of the key that made the request/,
    );
  });
});

describe('isSignedBy', () => {
  it('tells the key that signed a certificate of SM2 from every other, also from those of other curves', async () => {
    const { certificate } = await active();
    const root = new X509Certificate(authority.read('sm2.crt'));
    expect(isSignedBy(certificate, root.publicKey)).toBe(true);
    expect(isSignedBy(root, root.publicKey)).toBe(true);
    expect(isSignedBy(certificate, certificate.publicKey)).toBe(false);
    for (const name of ['other.crt', 'root.crt', 'sub.crt']) {
      expect(isSignedBy(certificate, new X509Certificate(authority.read(name)).publicKey)).toBe(false);
    }
    const ofRsa = new X509Certificate(authority.read('sub.crt'));
    expect(isSignedBy(ofRsa, new X509Certificate(authority.read('root.crt')).publicKey)).toBe(true);
    expect(isSignedBy(ofRsa, root.publicKey)).toBe(false);
  });
});
