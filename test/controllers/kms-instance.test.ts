import { describe, expect, it } from 'vitest';
import type { KmsInstance, KmsInstanceType } from '../../src/api/v1alpha1/kms-instance.ts';
import { firstViolation } from '../../src/controllers/check.ts';
import { disconnection, instanceChecks } from '../../src/controllers/kms-instance/lifecycle.ts';

function instance(type: KmsInstanceType): KmsInstance {
  const spec = type === 'Shared' ? { type } : { type, instanceId: 'kst-team1' };
  return { apiVersion: 'kaap.dev/v1alpha1', kind: 'KmsInstance', metadata: { name: 'team1' }, spec };
}

const software = { InstanceId: 'kst-team1', ProductType: 'kms_ddi_public_cn', Status: 'Connected' };

describe('An instance', () => {
  it.each([
    ['that the KMS does not have is not served', 'Software', undefined, 'InstanceNotServed'],
    ['of another type in the KMS differs', 'Hardware', software, 'TypeDiffers'],
    ['that the KMS has is Ready', 'Software', software, undefined],
    ['without an id needs no entry', 'Shared', undefined, undefined],
  ] as const)('%s', (_title, type, inKms, reason) => {
    expect(firstViolation(instanceChecks, { instance: instance(type), inKms })?.reason).toBe(reason);
  });
});

describe('An instance whose keys are out of reach', () => {
  it('says what the KMS says of it, and is looked at again soon', () => {
    const inKms = { ...software, Status: 'Disconnected', StatusReason: 'kst-team1 is blocked by the auditor.' };
    const violation = disconnection(inKms);
    expect(violation).toMatchObject({ reason: 'InstanceNotConnected' });
    expect(violation?.message).toMatch(/kst-team1 is Disconnected: .* kst-team1 is blocked by the auditor\.$/);
    expect(violation?.requeueAfterMs).toBeLessThanOrEqual(15_000);
  });

  it('is not one that is connected', () => {
    expect(disconnection(software)).toBeUndefined();
  });
});
