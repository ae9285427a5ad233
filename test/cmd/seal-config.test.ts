import { describe, expect, it } from 'vitest';
import { openSeal } from '../../src/cmd/open-seal.ts';
import { formatSeal, parseSeal, readSeal } from '../../src/cmd/seal-config.ts';

describe('KAAP_SEAL', () => {
  it.each([
    ['file:/etc/kaap/seal.key', { kind: 'file', path: '/etc/kaap/seal.key' }],
    ['hsm:kst-hsm0001', { kind: 'hsm', instance: 'kst-hsm0001' }],
    ['xki:kst-xki0001/payments', { kind: 'xki', instance: 'kst-xki0001', externalKeyId: 'payments' }],
  ])('%s is a seal, and is written the same way', (text, seal) => {
    expect(parseSeal(text)).toEqual(seal);
    expect(formatSeal(parseSeal(text))).toBe(text);
  });

  it('takes a path alone for a file, as KAAP_SEAL_FILE is', () => {
    const seal = { kind: 'file', path: '/etc/kaap/seal.key' };
    expect(parseSeal('/etc/kaap/seal.key')).toEqual(seal);
    expect(readSeal({ KAAP_SEAL_FILE: '/etc/kaap/seal.key' })).toEqual(seal);
  });

  it.each([
    '',
    'file:',
    'hsm:',
    'hsm:other',
    'hsm:kst-hsm0001/key',
    'xki:kst-xki0001',
    'xki:kst-xki0001/a/b',
    'vault:x',
  ])('refuses "%s", and says how one is written', (text) =>
    expect(() => parseSeal(text)).toThrow('Write file:PATH, hsm:INSTANCE or xki:INSTANCE/KEY.'),
  );

  it('is one seal: neither none nor two', () => {
    expect(() => readSeal({})).toThrow('Set KAAP_SEAL_FILE');
    expect(() => readSeal({ KAAP_SEAL: 'hsm:kst-hsm0001', KAAP_SEAL_FILE: '/k' })).toThrow('not both');
  });

  it('needs the instance that it names to be configured, and of the right type', async () => {
    const config = { seal: parseSeal('hsm:kst-hsm0001'), accountId: '1', instances: [] };
    const message = 'The seal hsm:kst-hsm0001 needs a Hardware instance kst-hsm0001 in KAAP_INSTANCES_FILE.';
    await expect(openSeal(config)).rejects.toThrow(message);
    const software = { ...config, instances: [{ id: 'kst-hsm0001', type: 'Software' }] as const };
    await expect(openSeal(software)).rejects.toThrow(message);
  });
});
