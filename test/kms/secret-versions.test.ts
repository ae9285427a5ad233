import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SecretRecord } from '../../src/kms/records/secret.ts';
import { addSecretVersion, maxSecretVersions, moveStage, removeStage } from '../../src/kms/secret-versions.ts';

function emptySecret(): SecretRecord {
  return {
    name: 's',
    secretId: 'id',
    scope: 'shared',
    secretType: 'Generic',
    description: '',
    createTime: 0,
    updateTime: 0,
    versions: [],
    tags: {},
  };
}

const label = fc.constantFrom('ACSCurrent', 'ACSPrevious', 'test');
const step = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), stages: fc.array(label, { maxLength: 3 }) }),
  fc.record({ kind: fc.constant('move' as const), stage: label, index: fc.nat(9) }),
  fc.record({ kind: fc.constant('remove' as const), stage: fc.constant('test') }),
);

describe('versions of a secret', () => {
  it('after any sequence: a label is on one version at most, ACSCurrent is never lost, ten versions at most', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const secret = emptySecret();
        addSecretVersion(secret, { id: 'v0', createTime: 0 }, ['ACSCurrent']);
        for (const [index, each] of steps.entries()) {
          const current = secret.versions.find(({ stages }) => stages.includes('ACSCurrent'))?.id;
          if (each.kind === 'add') {
            const dropped = addSecretVersion(secret, { id: `v${index + 1}`, createTime: index }, each.stages);
            expect(dropped).not.toContain(`v${index + 1}`);
          } else if (each.kind === 'remove') removeStage(secret, each.stage);
          else moveStage(secret, each.stage, secret.versions[each.index % secret.versions.length]?.id ?? '');

          const labels = secret.versions.flatMap(({ stages }) => stages);
          expect(new Set(labels).size).toBe(labels.length);
          expect(labels).toContain('ACSCurrent');
          expect(secret.versions.length).toBeLessThanOrEqual(maxSecretVersions);
          const now = secret.versions.find(({ stages }) => stages.includes('ACSCurrent'))?.id;
          const previous = secret.versions.find(({ stages }) => stages.includes('ACSPrevious'))?.id;
          if (now !== current && !(each.kind === 'add' && each.stages.includes('ACSPrevious')))
            expect(previous).toBe(current);
        }
      }),
    );
  });
});
