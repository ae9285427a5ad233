import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ApiError } from '../../src/lib/errors.ts';
import type { KeyProvider } from '../../src/ports/key-provider.ts';
import { SealError, SealUnavailableError, type Seal } from '../../src/ports/seal.ts';
import { providerSeal } from '../../src/providers/provider-seal.ts';
import { SoftwareProvider } from '../../src/providers/software-provider.ts';

const software = new SoftwareProvider({ random: randomBytes });
const instance = 'kst-hsm0001';

function sealOf(provider: Pick<KeyProvider, 'encrypt' | 'decrypt'> = software, named = instance): Seal {
  const key = software.generate('Aliyun_AES_256');
  return providerSeal({ kind: 'hsm', instance: named, provider, key: () => key, close: () => Promise.resolve() });
}

describe('A seal by a key provider', () => {
  const root = randomBytes(32);

  it('gives back what it wrapped, also under a seal that makes another key by now', async () => {
    const wrapped = await sealOf().wrap(root);
    expect(await sealOf().unwrap(wrapped)).toEqual(root);
  });

  it('refuses another instance by its name', async () => {
    const wrapped = await sealOf().wrap(root);
    await expect(sealOf(software, 'kst-hsm0002').unwrap(wrapped)).rejects.toThrow(
      'The store was sealed by hsm:kst-hsm0001, not by kst-hsm0002. Configure that.',
    );
  });

  it('E5: refuses a record in which any field was changed', async () => {
    const wrapped = JSON.parse((await sealOf().wrap(root)).toString()) as Record<string, string>;
    for (const field of ['iv', 'ciphertext', 'tag'] as const) {
      const bytes = Buffer.from(wrapped[field] ?? '', 'base64');
      bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
      const changed = Buffer.from(JSON.stringify({ ...wrapped, [field]: bytes.toString('base64') }));
      await expect(sealOf().unwrap(changed)).rejects.toThrow(SealError);
    }
    await expect(sealOf().unwrap(Buffer.from('junk'))).rejects.toThrow('is not the one that sealed this store');
  });

  it.each(['ServiceUnavailableTemporary', 'Rejected.Unavailable'] as const)(
    'takes %s for something that passes, and says what it was',
    async (code) => {
      const wrapped = await sealOf().wrap(root);
      const unsealed = sealOf({
        encrypt: (...args) => software.encrypt(...args),
        decrypt: () => Promise.reject(new ApiError(code, 'It is away.')),
      }).unwrap(wrapped);
      await expect(unsealed).rejects.toThrow(SealUnavailableError);
      await expect(unsealed).rejects.toThrow('The key of the seal in kst-hsm0001 cannot be used: It is away.');
    },
  );

  it('gives out no record that it could not open again', async () => {
    const faulty = sealOf({
      encrypt: (...args) => software.encrypt(...args),
      decrypt: () => Promise.resolve(randomBytes(32)),
    });
    await expect(faulty.wrap(root)).rejects.toThrow('did not give back what it had just wrapped');
  });
});
