import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { KmsScene } from '../../kms-scene.ts';

const total = 23;
const names = Array.from({ length: total }, (_, index) => `${index % 2 === 0 ? 'shop' : 'bank'}/s${index}`);
const kms = new KmsScene();
beforeAll(async () => {
  for (const SecretName of names) await kms.call('CreateSecret', { SecretName, SecretData: 'x', VersionId: 'v1' });
});

interface Listed {
  SecretList: { Secret: { SecretName: string }[] };
  TotalCount: number;
}

async function page(parameters: Record<string, unknown>): Promise<{ found: string[]; count: number }> {
  const { SecretList, TotalCount } = (await kms.call('ListSecrets', parameters)) as unknown as Listed;
  return { found: SecretList.Secret.map(({ SecretName }) => SecretName), count: TotalCount };
}

describe('ListSecrets', () => {
  it('gives every secret that the filter lets through on one page exactly, whatever the size of pages', async () => {
    const prefixes = fc.constantFrom('', 'shop/', 'bank/', 'none/');
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 100 }), prefixes, async (PageSize, prefix) => {
        const Filters = JSON.stringify([{ Key: 'SecretName', Values: [`${prefix}*`] }]);
        const wanted = names.filter((name) => name.startsWith(prefix)).toSorted();
        const found: string[] = [];
        for (let PageNumber = 1; PageNumber <= Math.ceil(total / PageSize) + 1; PageNumber += 1) {
          const one = await page({ PageNumber: String(PageNumber), PageSize: String(PageSize), Filters });
          expect(one.count).toBe(wanted.length);
          expect(one.found.length).toBeLessThanOrEqual(PageSize);
          found.push(...one.found);
        }
        expect(found.toSorted()).toEqual(wanted);
      }),
      { numRuns: 40 },
    );
  });

  it.each(['PageSize', 'PageNumber'])('D4: refuses a %s that is no size or place of a page', async (name) => {
    for (const value of ['0', '-1', '999999999999', '1.5', '1e1', 'NaN']) {
      expect(await kms.failure('ListSecrets', { [name]: value }), value).toContain('InvalidParameter');
      expect(await kms.failure('ListKeys', { [name]: value }), value).toContain('InvalidParameter');
    }
  });
});
