// SPDX-License-Identifier: Apache-2.0
import type { z } from 'zod';
import { choice, defaulted, integer, object } from '../crd/fields.ts';

/** In whose form answers are: that of KMS GetSecretValue, of AWS Secrets Manager, or of the KV engine of Vault. */
export type EndpointResponseType = 'KMS' | 'SecretsManager' | 'VaultKV';

/** The API of the KMS Agent inside the pod: `http://127.0.0.1:<port>/v1/<secret>`. */
export interface LocalEndpoint {
  port: number;
  responseType: EndpointResponseType;
  /** How old an answer may be, in seconds. */
  cacheSeconds: number;
}

/** Schema of {@link LocalEndpoint}. */
export const localEndpointSchema: z.ZodType<LocalEndpoint> = object(
  "Let programs of the pod ask the agent for the secrets of this binding over HTTP, in the manner of Alibaba Cloud's KMS Agent, on the loopback address of the pod. The token that they send as X-KMS-Token is in /var/run/kmstoken.",
  {
    port: defaulted(integer('Port on 127.0.0.1.', 1024, 65_535), 2025),
    responseType: defaulted(
      choice(
        'Form of answers. KMS: of GetSecretValue. SecretsManager: of AWS Secrets Manager. VaultKV: of the KV engine, version 2, of Vault.',
        ['KMS', 'SecretsManager', 'VaultKV'],
      ),
      'KMS',
    ),
    cacheSeconds: defaulted(
      integer(
        'How old an answer may be, in seconds; announced changes count at once where the binding has refresh. While KMS does not answer, they may be as old as spec.outage says.',
        1,
        3600,
      ),
      300,
    ),
  },
);
