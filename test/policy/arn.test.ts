import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isCanonicalRelativeId, oidcProviderNameOf, parseArn, roleNameOf } from '../../src/policy/arn.ts';

describe('a relative id', () => {
  test.each([
    'key',
    'key/1',
    'secret/shop/db',
    'secret/a.b',
    'secret/..a',
    'secret/a...',
    'alias/shop/x',
    'secret/a=b@c+d',
  ])('is canonical: %s', (text) => {
    expect(isCanonicalRelativeId(text)).toBe(true);
  });

  test.each([
    '',
    '/',
    '/key',
    'key/',
    'secret//x',
    'secret/.',
    'secret/..',
    'secret/./x',
    'secret/../x',
    '../key/1',
    'secret/%2e%2e/x',
    'secret/a%2fb',
    'secret/*',
    'secret/?',
    'secret/a b',
    'secret/a\n',
    'secret/a\0b',
    'secret/ａ',
    'secret/a:b',
    `secret/${'x'.repeat(10_000)}`,
  ])('D1: is refused: %j', (text) => {
    expect(isCanonicalRelativeId(text)).toBe(false);
  });

  test('D1: that is canonical is not changed by path normalisation or percent-decoding', () => {
    const segments = fc.array(fc.string({ unit: fc.constantFrom('a', '.', '/', '%', '2', 'e', '-'), maxLength: 5 }));
    fc.assert(
      fc.property(segments, (parts) => {
        const text = `secret/${parts.join('/')}`;
        if (!isCanonicalRelativeId(text)) return;
        expect(new URL(`http://host/${text}`).pathname).toBe(`/${text}`);
        expect(decodeURIComponent(text)).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('an ARN', () => {
  test('is split into its parts', () => {
    expect(parseArn('acs:kms:local:1000:secret/shop/db')).toEqual({
      service: 'kms',
      region: 'local',
      account: '1000',
      relativeId: 'secret/shop/db',
    });
    expect(parseArn('acs:ram::1000:role/ci')?.region).toBe('');
  });

  test.each([
    '',
    '*',
    'arn:aws:kms:a:1:key/1',
    'acs:kms:local:1',
    'acs:kms:local:1:',
    'ACS:kms:l:1:key',
    'acs:kms:*:1:key',
    'acs:kms:l:*:key',
  ])('is refused: %j', (text) => {
    expect(parseArn(text)).toBeUndefined();
  });
});

describe('a role ARN', () => {
  test('gives its role name', () => {
    expect(roleNameOf('acs:ram::1000:role/ci', '1000')).toBe('ci');
    expect(oidcProviderNameOf('acs:ram::1000:oidc-provider/kubernetes', '1000')).toBe('kubernetes');
  });

  test.each([
    'acs:ram::1000:assumed-role/ci/session',
    'acs:ram::1000:role/ci/session',
    'acs:ram::1000:role/path/ci',
    'acs:ram::1000:role/',
    'acs:ram::1000:role/*',
    'acs:ram::1000:role/ci ',
    'acs:ram::1000:role/ci\n',
    'acs:ram::1000:ROLE/ci',
    'acs:ram::*:role/ci',
    'acs:ram::2000:role/ci',
    'acs:ram:::role/ci',
    'acs:ram:local:1000:role/ci',
    ' acs:ram::1000:role/ci',
    `acs:ram::1000:role/${'x'.repeat(65)}`,
  ])('C7: is refused unless it is exactly one of the account: %j', (arn) => {
    expect(roleNameOf(arn, '1000')).toBeUndefined();
  });
});
