import { randomBytes, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  certificatesFromData,
  certificatesToData,
  renewCertificates,
  trustBundle,
  type WebhookCertificates,
} from '../../webhook/certificates.ts';

const dayMs = 86_400_000;
const start = Date.UTC(2026, 0, 1);
const dnsNames = ['kaap-webhook.kaap-system.svc'];

function at(now: number, current?: WebhookCertificates): WebhookCertificates {
  return renewCertificates(current, { now, dnsNames, random: randomBytes });
}

function issuerIndex({ authorities, serving }: WebhookCertificates): number {
  const leaf = new X509Certificate(serving.certificatePem);
  return authorities.findIndex(({ certificatePem }) => leaf.verify(new X509Certificate(certificatePem).publicKey));
}

describe('certificates of the webhook', () => {
  test('are made where there are none, for the names of the service', () => {
    const made = at(start);
    expect(made.authorities).toHaveLength(1);
    expect(issuerIndex(made)).toBe(0);
    expect(new X509Certificate(made.serving.certificatePem).checkHost(dnsNames[0] ?? '')).toBe(dnsNames[0]);
  });

  test('stay as they are while they last', () => {
    const made = at(start);
    expect(at(start + 20 * dayMs, made)).toBe(made);
  });

  test('are renewed by the same authority well before they end', () => {
    const made = at(start);
    const renewed = at(start + 35 * dayMs, made);
    expect(renewed.authorities).toBe(made.authorities);
    expect(renewed.serving).not.toEqual(made.serving);
    expect(issuerIndex(renewed)).toBe(0);
  });

  test('A12: a new authority is trusted next to the old one before it signs anything', () => {
    const made = at(start);
    const late = start + 3000 * dayMs;
    const joined = at(late, made);
    expect(joined.authorities).toHaveLength(2);
    expect(issuerIndex(joined)).toBe(0);
    expect(trustBundle(joined).match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    const settled = at(late + 40 * dayMs, joined);
    expect(settled.authorities).toHaveLength(2);
    expect(issuerIndex(settled)).toBe(1);
    const alone = at(start + 3660 * dayMs, settled);
    expect(alone.authorities).toEqual([settled.authorities[1]]);
    expect(issuerIndex(alone)).toBe(0);
  });

  test('are made anew for another name of the service', () => {
    const made = at(start);
    const other = renewCertificates(made, { now: start, dnsNames: ['other.kaap-system.svc'], random: randomBytes });
    expect(other.serving).not.toEqual(made.serving);
    expect(other.authorities).toBe(made.authorities);
  });

  test('come back from the Secret as they went in', () => {
    const made = at(start);
    const read = certificatesFromData(certificatesToData(made));
    expect(read?.authorities).toEqual(made.authorities);
    expect(read?.serving.privateKeyPem).toBe(made.serving.privateKeyPem);
    if (read === undefined) throw new Error('not read');
    expect(at(start, read)).toBe(read);
  });

  test.each([
    [{}],
    [{ 'tls.crt': 'eA==' }],
    [{ 'authorities.json': 'bm90IGpzb24=' }],
    [{ 'authorities.json': 'W10=' }],
  ])('a Secret with something else, %j, counts as empty', (data) => {
    expect(certificatesFromData(data as Record<string, string>)).toBeUndefined();
  });
});
