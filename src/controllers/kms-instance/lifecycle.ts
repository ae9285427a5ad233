import { kmsInstanceType, type KmsInstance, type KmsInstanceStatus } from '../../api/v1alpha1/kms-instance.ts';
import { ViolationError, type Check, type Violation } from '../check.ts';
import { find, text, type KmsAnswer, type KmsApi } from '../kms-api.ts';
import type { Lifecycle } from '../lifecycle.ts';

/** What an instance's readiness depends on. */
export interface InstanceInput {
  instance: KmsInstance;
  /** GetKmsInstance's answer; undefined when KMS serves no instance of that id. */
  inKms: KmsAnswer | undefined;
}

/** Id of the instance for callers that name none (GetDefaultKmsInstance). */
const sharedId = 'shared';

/** ProductType of GetKmsInstance for each type of instance that has an id. */
const productTypes: Readonly<Record<string, string>> = {
  Software: 'kms_ddi_public_cn',
  Hardware: 'kms_hsm_public_cn',
  External: 'kms_xki_public_cn',
};

const isServed: Check<InstanceInput> = ({ instance, inKms }) => {
  if (instance.spec.type === 'Shared' || inKms !== undefined) return undefined;
  return {
    reason: 'InstanceNotServed',
    message: `The KMS has no instance ${instance.spec.instanceId}. Add the id to kms.instances in the chart's values, or correct spec.instanceId.`,
    requeueAfterMs: 30_000,
  };
};

const isOfItsType: Check<InstanceInput> = ({ instance, inKms }) => {
  const { type, instanceId } = instance.spec;
  if (inKms === undefined || text(inKms, 'ProductType') === productTypes[type]) return undefined;
  const actual = Object.keys(productTypes).find((name) => productTypes[name] === text(inKms, 'ProductType'));
  return {
    reason: 'TypeDiffers',
    message: `The instance ${instanceId} is of type ${actual ?? 'unknown'} in the KMS, not ${type}. Create a KmsInstance of that type, or change the configuration of the service.`,
    requeueAfterMs: 60_000,
  };
};

/** Readiness rules of an instance, most basic first. */
export const instanceChecks: readonly Check<InstanceInput>[] = [isServed, isOfItsType];

/** Why no key of a served instance can be used; `undefined` when they can. KMS says what is in the way. */
export function disconnection(inKms: KmsAnswer): Violation | undefined {
  const status = text(inKms, 'Status');
  if (status === 'Connected') return undefined;
  const why = text(inKms, 'StatusReason') || 'The KMS does not reach what holds its keys.';
  return {
    reason: 'InstanceNotConnected',
    message: `The instance ${text(inKms, 'InstanceId')} is ${status}: no key of it can be used. ${why}`,
    requeueAfterMs: heldElsewhereMs,
  };
}

/** How often an instance is looked at whose keys are held elsewhere: nothing tells when an HSM or a proxy goes away. */
const heldElsewhereMs = 10_000;

/** Says whether KMS serves an instance and what is in it. The configuration of the service makes instances, not this. */
export function kmsInstanceLifecycle(kms: KmsApi): Lifecycle<KmsInstance, InstanceInput> {
  return {
    resource: kmsInstanceType,
    fieldManager: 'kaap-kms-instance',
    holds: () => false,
    gather: async (instance, { signal }) => {
      const KmsInstanceId = instance.spec.instanceId;
      if (KmsInstanceId === undefined) return { instance, inKms: undefined };
      const answer = await find(kms, 'GetKmsInstance', { KmsInstanceId }, signal);
      return { instance, inKms: answer?.['KmsInstance'] as KmsAnswer | undefined };
    },
    checks: instanceChecks,
    act: async (instance, { inKms }, context) => {
      const { signal } = context;
      const status = inKms === undefined ? await sharedStatus(kms, signal) : statusOf(inKms);
      const violation = inKms === undefined ? undefined : disconnection(inKms);
      if (violation !== undefined) {
        await context.remember({ ...instance.status, ...status });
        throw new ViolationError(violation);
      }
      const { type } = instance.spec;
      const isHeldElsewhere = type === 'Hardware' || type === 'External';
      return {
        status,
        message: `The KMS serves the instance ${status.instanceId}.`,
        requeueAfterMs: isHeldElsewhere ? heldElsewhereMs : 60_000,
      };
    },
  };
}

function statusOf(inKms: KmsAnswer): KmsInstanceStatus {
  return {
    instanceId: text(inKms, 'InstanceId'),
    state: text(inKms, 'Status'),
    keyCount: Number(inKms['KeyNum'] ?? 0),
    secretCount: Number(inKms['SecretNum'] ?? 0),
  };
}

/** `shared` is not one that GetKmsInstance knows: that the KMS names it is proof that it is served. */
async function sharedStatus(kms: KmsApi, signal: AbortSignal): Promise<KmsInstanceStatus> {
  const answer = await kms.call('GetDefaultKmsInstance', {}, signal);
  return { instanceId: text(answer, 'DefaultKmsInstanceId') || sharedId, state: 'Connected' };
}
