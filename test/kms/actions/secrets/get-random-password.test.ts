import { beforeEach, describe, expect, it } from 'vitest';
import { KmsScene } from '../../kms-scene.ts';

let kms: KmsScene;
beforeEach(() => {
  kms = new KmsScene();
});

const password = async (parameters: Record<string, unknown> = {}): Promise<string> =>
  (await kms.call('GetRandomPassword', parameters))['RandomPassword'] as string;

describe('GetRandomPassword', () => {
  it('has 32 characters of every kind', async () => {
    for (let i = 0; i < 50; i += 1) {
      const value = await password();
      expect(value).toHaveLength(32);
      for (const kind of [/[a-z]/, /[A-Z]/, /[0-9]/, /[^A-Za-z0-9]/]) expect(value).toMatch(kind);
    }
  });

  it('leaves out what is excluded', async () => {
    const value = await password({
      PasswordLength: '128',
      ExcludePunctuation: 'true',
      ExcludeUppercase: 'true',
      ExcludeCharacters: 'abc012',
    });
    expect(value).toMatch(/^[d-z3-9]{128}$/);
    const exclude = {
      ExcludeLowercase: 'true',
      ExcludeUppercase: 'true',
      ExcludePunctuation: 'true',
      ExcludeCharacters: '0123456789',
    };
    expect(await kms.failure('GetRandomPassword', exclude)).toBe(
      'InvalidParameter: The parameters exclude every character. Exclude fewer.',
    );
    expect(await kms.failure('GetRandomPassword', { PasswordLength: '7' })).toBe(
      'InvalidParameter: The parameter PasswordLength is not valid. It must be a whole number from 8 to 128.',
    );
    expect(await kms.access('GetRandomPassword')).toEqual(['kms:GetRandomPassword on *']);
  });
});
