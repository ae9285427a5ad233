// SPDX-License-Identifier: Apache-2.0
import type { z } from 'zod';
import { commonStatus, type CommonStatus } from '../condition.ts';
import { choice, defaulted, integer, object, optional, text } from '../crd/fields.ts';
import { constrained, immutable, immutableOptional, unchanging, type Rule } from '../crd/rules.ts';
import { defineCustomResource, type CustomResource, type CustomResourceType } from '../custom-resource.ts';
import { descriptionText, instanceId, objectName } from './names.ts';

/** What holds the keys of an instance: the service itself, software keys of its own, an HSM, somebody's own keys. */
export type KmsInstanceType = 'Shared' | 'Software' | 'Hardware' | 'External';

/** The PKCS#11 module of a `Hardware` instance. */
export interface HardwareInstance {
  /** Label of the module in the configuration of the HSM process. */
  moduleLabel: string;
  tokenLabel?: string;
  /** A token object per key, or material wrapped by one key of the token. */
  keyStorage: 'HsmInternal' | 'HsmEncryptedDatabase';
}

/** The external key proxy of an `External` instance. */
export interface ExternalInstance {
  /** https URL without path. */
  endpoint: string;
  /** Where the proxy's API begins, below the endpoint. */
  path: string;
  /** SHA-256 of the proxy's certificate in DER, 64 hex digits. */
  certificateFingerprint: string;
  /** A Secret of the installation's namespace that holds the access key for the proxy. */
  credentialSecret: { name: string };
}

export interface KmsInstanceSpec {
  type: KmsInstanceType;
  /** `kst-…`; absent exactly when `type` is Shared. */
  instanceId?: string;
  description?: string;
  /** Present exactly when `type` is Hardware. */
  hardware?: HardwareInstance;
  /** Present exactly when `type` is External. */
  external?: ExternalInstance;
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

/** A rule that `field` is given exactly for one type of instance. */
function goesWith(field: 'hardware' | 'external', type: KmsInstanceType): Rule<KmsInstanceSpec> {
  return {
    rule: `(self.type == '${type}') == has(self.${field})`,
    message: `give ${field} when type is ${type}, and only then`,
    holds: (spec) => (spec.type === type) === (spec[field] !== undefined),
  };
}

const idRule: Rule<KmsInstanceSpec> = {
  rule: `(self.type == 'Shared') != has(self.instanceId)`,
  message: 'give instanceId, unless type is Shared, which is the instance without an id',
  holds: (spec) => (spec.type === 'Shared') !== (spec.instanceId !== undefined),
};

const hardware: z.ZodType<HardwareInstance> = object('Keys in an HSM.', {
  moduleLabel: text('Label of the PKCS#11 module, as the configuration of the HSM process names it.', {
    max: 63,
    format: { pattern: /^[A-Za-z0-9_.-]+$/, message: 'must be letters, digits and _ . -' },
  }),
  tokenLabel: optional(text('Label of the token; the only one of the module when left out.', { max: 32 })),
  keyStorage: defaulted(
    choice(
      'HsmInternal keeps one token object for each key. HsmEncryptedDatabase keeps keys in the database of the service, wrapped by one key of the token.',
      ['HsmInternal', 'HsmEncryptedDatabase'],
    ),
    'HsmInternal',
  ),
});

const external: z.ZodType<ExternalInstance> = object('Keys behind an external key proxy.', {
  endpoint: text('Address of the proxy, without path.', {
    max: 253,
    format: {
      pattern: /^https:\/\/[A-Za-z0-9.-]+(:[0-9]{1,5})?$/,
      message: 'must be https:// and a host, such as https://xki.example.com: keys never travel in the clear',
    },
  }),
  path: text('Path of the proxy below the address.', {
    max: 255,
    format: {
      pattern: /^(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/,
      message: 'must be an absolute path without a slash at the end, such as /kms/xki/v1',
    },
  }),
  certificateFingerprint: text('SHA-256 fingerprint of the certificate that the proxy shows.', {
    max: 64,
    format: {
      pattern: /^[0-9a-f]{64}$/,
      message: 'must be 64 hex digits in lower case, as: openssl x509 -noout -fingerprint -sha256, without colons',
    },
  }),
  credentialSecret: object('The Secret with the access key for the proxy, in the namespace of the installation.', {
    name: objectName('Name of the Secret.'),
  }),
});

const advice = 'create a KmsInstance of another name';

const specSchema: z.ZodType<KmsInstanceSpec> = unchanging(
  constrained<KmsInstanceSpec>(
    object('Which instance of KMS, and what holds its keys.', {
      type: choice(
        'What holds the keys: Shared (the service, for callers that name no instance), Software (keys of its own), Hardware (an HSM) or External (a key proxy). Cannot be changed.',
        ['Shared', 'Software', 'Hardware', 'External'],
      ),
      instanceId: optional(
        instanceId('Id of the instance, as the configuration of the service has it. Cannot be changed.'),
      ),
      description: optional(descriptionText()),
      hardware: optional(hardware),
      external: optional(external),
    }),
    [idRule, goesWith('hardware', 'Hardware'), goesWith('external', 'External')],
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
    'KmsInstance is an instance of KMS: a scope of keys and secrets, and what holds the key material in it. The configuration of the service makes instances; the object says whether one is served.',
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
