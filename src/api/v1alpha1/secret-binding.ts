// SPDX-License-Identifier: Apache-2.0
import type { z } from 'zod';
import { commonStatus, type CommonStatus } from '../condition.ts';
import { choice, defaulted, integer, mapListOf, object, optional, setOf, text, timestamp } from '../crd/fields.ts';
import { constrained } from '../crd/rules.ts';
import { defineCustomResource, type CustomResource, type CustomResourceType } from '../custom-resource.ts';
import { bindingRefreshSchema, type BindingRefresh } from './binding-refresh.ts';
import { containerCommandSchema, type ContainerCommand, type EnvMethod, type EnvReferences } from './env-delivery.ts';
import { localEndpointSchema, type LocalEndpoint } from './local-endpoint.ts';
import { labelName, objectName } from './names.ts';
import { podSelectorSchema, type PodSelector } from './pod-selector.ts';
import { bindingRules, fileRules } from './secret-binding-rules.ts';
import { secretSourceSchema, type SecretSource } from './secret-source.ts';

export interface EnvDelivery {
  name: string;
  /** Name of a source. */
  source: string;
  /** JMESPath into the value, which must then be JSON; the whole value when absent. */
  field?: string;
}

export interface FileDelivery {
  /** Relative to the mount path. */
  path: string;
  /** Name of a source; exactly one of this and template. */
  source?: string;
  /** JMESPath into the value, which must then be JSON; the whole value when absent. */
  field?: string;
  /** Text with `{{ .source.field | function }}` in it. */
  template?: string;
  /** Octal, such as `0440`. */
  mode: string;
}

export interface SecretBindingSpec {
  podSelector: PodSelector;
  /** Names in the same namespace; any when absent. */
  serviceAccounts?: string[];
  /** Name of an ApplicationAccessPoint. */
  accessPoint: string;
  sources: SecretSource[];
  env?: EnvDelivery[];
  files?: FileDelivery[];
  /** Where files are, in every container. */
  mountPath: string;
  /** Names of containers; all when absent. */
  containers?: string[];
  envMethod: EnvMethod;
  /** Needed by the method Exec for containers without a command. */
  commands?: ContainerCommand[];
  envReferences: EnvReferences;
  refresh?: BindingRefresh;
  localEndpoint?: LocalEndpoint;
  outage?: { maxAgeSeconds: number };
}

export interface SecretBindingStatus extends CommonStatus {
  /** ARN of the access point. */
  accessPoint?: string;
  /** Names of the sources that exist in KMS. */
  resolvedSources?: string[];
  /** RFC 3339; only with spec.outage. */
  valuesReadTime?: string;
}

/** Which secrets go into which pods, and where. */
export interface SecretBinding extends CustomResource {
  kind: 'SecretBinding';
  spec: SecretBindingSpec;
  status?: SecretBindingStatus;
}

const source = (): z.ZodType<string> => labelName('Name of an entry of sources.');
const field = (): z.ZodType<string> =>
  text(
    'What of the value, when the value is JSON: a JMESPath expression such as password. The whole value when left out.',
    {
      max: 256,
    },
  );

const envDelivery: z.ZodType<EnvDelivery> = object('One environment variable.', {
  name: text('Name of the variable.', {
    max: 128,
    format: {
      pattern: /^[A-Za-z_][A-Za-z0-9_]*$/,
      message: 'must be letters, digits and _, not beginning with a digit, such as DB_PASSWORD',
    },
    rules: [
      {
        rule: `!self.startsWith('KAAP_')`,
        message: 'must not begin with KAAP_: such variables belong to the agent',
        holds: (value) => !value.startsWith('KAAP_'),
      },
    ],
  }),
  source: source(),
  field: optional(field()),
});

const fileDelivery: z.ZodType<FileDelivery> = constrained<FileDelivery>(
  object('One file: the value of a source, a field of it, or a text made of several.', {
    path: text('Path of the file below mountPath.', {
      max: 255,
      format: {
        pattern: /^[.]?[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[.]?[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/,
        message: 'must be a relative path without .., such as db.json or tls/key.pem: it is below mountPath',
      },
    }),
    source: optional(source()),
    field: optional(field()),
    template: optional(
      text(
        'Text with values in it: {{ .source }}, {{ .source.field }}, {{ .source.field | function }}. Functions: base64, json, urlencode, shell, xml, trim.',
        { max: 8192 },
      ),
    ),
    mode: defaulted(
      text('Permission bits, octal.', {
        max: 4,
        format: { pattern: /^0[0-7]{3}$/, message: 'must be four octal digits in quotes, such as "0440"' },
      }),
      '0440',
    ),
  }),
  fileRules,
);

const mountPath: z.ZodType<string> = text('Where the files are, in every container that gets them.', {
  max: 255,
  format: {
    pattern: /^(\/[.]?[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/,
    message: 'must be an absolute path other than /, without .., such as /var/run/secrets/kaap',
  },
});

const specSchema: z.ZodType<SecretBindingSpec> = constrained<SecretBindingSpec>(
  object('Which secrets, into which pods, and where.', {
    podSelector: podSelectorSchema,
    serviceAccounts: optional(
      setOf(
        'Only pods of these service accounts of the namespace. When left out, the access point alone decides.',
        objectName('Name of a service account.'),
        { min: 1, max: 32 },
      ),
    ),
    accessPoint: labelName('Name of the ApplicationAccessPoint that the pods use.'),
    sources: mapListOf('Where values come from.', secretSourceSchema, { min: 1, max: 32, keys: ['name'] }),
    env: optional(mapListOf('Values that become environment variables.', envDelivery, { max: 64, keys: ['name'] })),
    files: optional(mapListOf('Values that become files in memory.', fileDelivery, { max: 64, keys: ['path'] })),
    mountPath: defaulted(mountPath, '/var/run/secrets/kaap'),
    containers: optional(
      setOf('Only these containers of the pod. When left out, every container.', labelName('Name of a container.'), {
        min: 1,
        max: 32,
      }),
    ),
    envMethod: defaulted(
      choice(
        'How variables get into containers. FileKeyRef: by the kubelet, for any image (Kubernetes 1.35). Exec: by a wrapper around the command, for older clusters and for values that the kubelet cannot take. Auto: FileKeyRef where the cluster has it.',
        ['Auto', 'FileKeyRef', 'Exec'],
      ),
      'Auto',
    ),
    commands: optional(
      mapListOf(
        'What containers run whose pods leave it to the image; the wrapper has to know.',
        containerCommandSchema,
        {
          max: 16,
          keys: ['container'],
        },
      ),
    ),
    envReferences: defaulted(
      choice(
        'Whether pods may write kms:NAME or kms:NAME#FIELD as the value of a variable. SourcesOnly: for secrets that are sources of this binding.',
        ['Forbidden', 'SourcesOnly'],
      ),
      'Forbidden',
    ),
    refresh: optional(bindingRefreshSchema),
    localEndpoint: optional(localEndpointSchema),
    outage: optional(
      object('Let a pod that starts again while KMS is down run on with the values that it had.', {
        maxAgeSeconds: integer('Oldest that such values may be, in seconds.', 60, 604_800),
      }),
    ),
  }),
  bindingRules,
);

const statusSchema: z.ZodType<SecretBindingStatus> = object('What became of it. Written by the operator.', {
  ...commonStatus,
  accessPoint: optional(text('ARN of the access point.', { max: 256 })),
  resolvedSources: optional(
    setOf('Names of the sources that were found in KMS.', text('Name of a source.', { max: 63 }), { max: 32 }),
  ),
  valuesReadTime: optional(
    timestamp(
      'With spec.outage: when KMS last gave the values on which pods run, of the pod for which that is longest ago. While KMS is away, what pods run on is as old as this.',
    ),
  ),
});

/** The kind SecretBinding. */
export const secretBindingType: CustomResourceType<SecretBinding> = defineCustomResource<SecretBinding>({
  plural: 'secretbindings',
  kind: 'SecretBinding',
  namespaced: true,
  shortNames: ['sbind'],
  description:
    'SecretBinding gives pods secrets from KMS as environment variables and files in memory. Each pod gets them with its own identity, through an ApplicationAccessPoint.',
  specSchema,
  statusSchema,
  columns: [
    { name: 'Access Point', type: 'string', jsonPath: '.spec.accessPoint' },
    { name: 'Sources', type: 'string', jsonPath: '.spec.sources[*].name' },
    { name: 'Env', type: 'string', jsonPath: '.spec.env[*].name', priority: 1 },
    { name: 'Files', type: 'string', jsonPath: '.spec.files[*].path', priority: 1 },
    { name: 'Values Read', type: 'date', jsonPath: '.status.valuesReadTime', priority: 1 },
  ],
  selectableFields: ['.spec.accessPoint'],
});
