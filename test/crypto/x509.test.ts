import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { createServer, connect } from 'node:tls';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createCertificateAuthority, issueServingCertificate } from '../../src/crypto/x509.ts';

const notBefore = Date.UTC(2026, 0, 1);
const day = 86_400_000;
const random = randomBytes;
const authority = createCertificateAuthority({ commonName: 'Kaap, "root" CA', notBefore, random });
const names = {
  dnsNames: ['kms.kaap.svc', '*.example.org'],
  ipAddresses: ['127.0.0.1', '::1', 'fe80::1:2', '::ffff:1.2.3.4'],
};

describe('createCertificateAuthority', () => {
  const certificate = new X509Certificate(authority.certificatePem);

  it('signs itself, as an authority that may only issue leaves', () => {
    expect(certificate.ca).toBe(true);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkIssued(certificate)).toBe(true);
    // basicConstraints: CA true, path length 0; keyUsage: keyCertSign and cRLSign. Both critical.
    expect(certificate.raw.toString('hex')).toContain('0603551d130101ff040830060101ff020100');
    expect(certificate.raw.toString('hex')).toContain('0603551d0f0101ff040403020106');
  });

  it('is valid for ten years', () => {
    expect(certificate.validFromDate.getTime()).toBe(notBefore);
    expect(certificate.validToDate.getTime()).toBe(notBefore + 3650 * day);
  });
});

describe('issueServingCertificate', () => {
  const issued = issueServingCertificate(authority, { ...names, notBefore, random });
  const certificate = new X509Certificate(issued.certificatePem);
  const root = new X509Certificate(authority.certificatePem);

  it('is issued by the authority, whatever characters its name has', () => {
    expect(certificate.checkIssued(root)).toBe(true);
    expect(certificate.verify(root.publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(issued.privateKeyPem))).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  });

  it('names DNS names and addresses, and is valid for 47 days', () => {
    expect(certificate.subjectAltName).toBe(
      'DNS:kms.kaap.svc, DNS:*.example.org, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, ' +
        'IP Address:FE80:0:0:0:0:0:1:2, IP Address:0:0:0:0:0:FFFF:102:304',
    );
    expect(certificate.checkHost('kms.kaap.svc')).toBe('kms.kaap.svc');
    expect(certificate.checkHost('other.svc')).toBeUndefined();
    expect(certificate.checkIP('::1')).toBe('::1');
    expect(certificate.validToDate.getTime() - certificate.validFromDate.getTime()).toBe(47 * day);
  });

  it('has a serial number of its own, positive and of 16 bytes', () => {
    const other = new X509Certificate(
      issueServingCertificate(authority, { ...names, notBefore, random }).certificatePem,
    );
    expect(other.serialNumber).not.toBe(certificate.serialNumber);
    expect(certificate.serialNumber).toMatch(/^[0-7][0-9A-F]{31}$/);
  });

  it('is accepted by a TLS client that trusts the authority and by no other', async () => {
    const now = Date.now() - day;
    const ca = createCertificateAuthority({ commonName: 'CA', notBefore: now, random });
    const leaf = issueServingCertificate(ca, { dnsNames: ['localhost'], ipAddresses: [], notBefore: now, random });
    const server = createServer({ cert: leaf.certificatePem, key: leaf.privateKeyPem }, (socket) => socket.end());
    server.on('tlsClientError', () => undefined).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const attempt = async (trusted: string): Promise<string> => {
      const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: trusted });
      try {
        await once(socket, 'secureConnect');
        return 'connected';
      } catch (error) {
        return (error as { code: string }).code;
      } finally {
        socket.destroy();
      }
    };
    expect(await attempt(ca.certificatePem)).toBe('connected');
    expect(await attempt(authority.certificatePem)).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    server.close();
  });

  it.each([
    [{ dnsNames: ['bad name'], ipAddresses: [] }, '"bad name" is not a DNS name'],
    [{ dnsNames: ['a..b'], ipAddresses: [] }, '"a..b" is not a DNS name'],
    [{ dnsNames: [], ipAddresses: ['1.2.3'] }, '"1.2.3" is not an IP address'],
    [{ dnsNames: [], ipAddresses: ['fe80::1%eth0'] }, '"fe80::1%eth0" is not an IP address'],
    [{ dnsNames: [], ipAddresses: [] }, 'a serving certificate needs a DNS name or an address'],
    [{ ...names, validityDays: 4000 }, 'the authority ends before the certificate would; make a new authority'],
  ])('refuses %o', (options, message) => {
    expect(() => issueServingCertificate(authority, { ...options, notBefore, random })).toThrow(
      new RangeError(message),
    );
  });
});
