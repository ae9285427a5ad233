import { randomBytes } from 'node:crypto';
import type { ServingCertificate } from '../../src/lib/http-server.ts';
import { createCertificateAuthority, issueServingCertificate } from '../../src/crypto/x509.ts';

/** A self-made authority for loopback servers of tests. */
export interface TestAuthority {
  caPem: string;
  issue(dnsName?: string): ServingCertificate;
}

export function testAuthority(): TestAuthority {
  const notBefore = Date.now() - 3_600_000;
  const authority = createCertificateAuthority({ commonName: 'Kaap test CA', notBefore, random: randomBytes });
  return {
    caPem: authority.certificatePem,
    issue: (dnsName = 'localhost') => {
      const names = { dnsNames: [dnsName], ipAddresses: ['127.0.0.1', '::1'] };
      const serving = issueServingCertificate(authority, { ...names, notBefore, random: randomBytes });
      return { certPem: serving.certificatePem, keyPem: serving.privateKeyPem };
    },
  };
}
