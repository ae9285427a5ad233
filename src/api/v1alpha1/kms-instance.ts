// SPDX-License-Identifier: Apache-2.0
import type { z } from 'zod';
import { commonStatus, type CommonStatus } from '../condition.ts';
import { choice, integer, object, optional, text } from '../crd/fields.ts';
import { constrained, immutable, immutableOptional, unchanging, type Rule } from '../crd/rules.ts';
import { defineCustomResource, type CustomResource, type CustomResourceType } from '../custom-resource.ts';
import { descriptionText, instanceId } from './names.ts';

/** What holds the keys of an instance: the service itself, software keys of its own, an HSM, somebody's own keys. */
export type KmsInstanceType = 'Shared' | 'Software' | 'Hardware' | 'External';

export interface KmsInstanceSpec {
  type: KmsInstanceType;
  /** `kst-…`; absent exactly when `type` is Shared. */
  instanceId?: string;
  description?: string;
}

export interface KmsInstanceStatus extends CommonStatus {
  /** Id that keys and secrets name: `kst-…`, or `shared`. */
  instanceId?: string;
  /** GetKmsInstance, Status: `Connected`, `Disconnected`. */
  state?: string;
  keyCount?: number;
  secretCount?: number;
}

/** A scope of keys and secrets, and what holds the key material in it. */
export interface KmsInstance extends CustomResource {
  kind: 'KmsInstance';
  spec: KmsInstanceSpec;
  status?: KmsInstanceStatus;
}

const idRule: Rule<KmsInstanceSpec> = {
  rule: `(self.type == 'Shared') != has(self.instanceId)`,
  message: 'give instanceId, unless type is Shared, which is the instance without an id',
  holds: (spec) => (spec.type === 'Shared') !== (spec.instanceId !== undefined),
};

const advice = 'create a KmsInstance of another name';

const specSchema: z.ZodType<KmsInstanceSpec> = unchanging(
  constrained<KmsInstanceSpec>(
    object('Which instance of KMS, and what holds its keys.', {
      type: choice(
        'What holds the keys: Shared (the service, for callers that name no instance), Software (keys of its own), Hardware (an HSM) or External (the proxy of an owner). Must be what kms.instances of the chart says. Cannot be changed.',
        ['Shared', 'Software', 'Hardware', 'External'],
      ),
      instanceId: optional(instanceId('Id of the instance, as kms.instances of the chart has it. Cannot be changed.')),
      description: optional(descriptionText()),
    }),
    [idRule],
  ),
  [immutable('type', advice), immutableOptional('instanceId', advice)],
);

const statusSchema: z.ZodType<KmsInstanceStatus> = object('What became of it. Written by the operator.', {
  ...commonStatus,
  instanceId: optional(text('Id that keys and secrets of this instance name.', { max: 68 })),
  state: optional(text('State of the instance in KMS, such as Connected.', { max: 64 })),
  keyCount: optional(integer('Keys in the instance.', 0, Number.MAX_SAFE_INTEGER)),
  secretCount: optional(integer('Secrets in the instance.', 0, Number.MAX_SAFE_INTEGER)),
});

/** The kind KmsInstance. */
export const kmsInstanceType: CustomResourceType<KmsInstance> = defineCustomResource<KmsInstance>({
  plural: 'kmsinstances',
  kind: 'KmsInstance',
  namespaced: false,
  shortNames: ['kmi'],
  description:
    'KmsInstance is an instance of KMS: a scope of keys and secrets, and what holds the key material in it. The configuration of the service (kms.instances of the chart) makes instances and says how their HSM or proxy is reached; the object says whether one is served, and whether its keys can be used now.',
  specSchema,
  statusSchema,
  columns: [
    { name: 'Type', type: 'string', jsonPath: '.spec.type' },
    { name: 'Instance', type: 'string', jsonPath: '.status.instanceId' },
    { name: 'State', type: 'string', jsonPath: '.status.state' },
    { name: 'Keys', type: 'integer', jsonPath: '.status.keyCount' },
    { name: 'Secrets', type: 'integer', jsonPath: '.status.secretCount', priority: 1 },
  ],
  selectableFields: ['.spec.type'],
});
