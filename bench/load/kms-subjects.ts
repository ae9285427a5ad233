import { randomBytes } from 'node:crypto';
import { KmsClient, staticCredentials } from '../../src/client/kms-client.ts';
import { createUserWith, type Caller } from './callers.ts';
import type { GeneratorThread } from './generator-thread.ts';
import { startKmsGenerator, type KmsLoad } from './kms-generator.ts';
import type { Subject } from './measured-window.ts';
import type { OpenBaoContent } from './openbao-server.ts';
import type { ServerFacts, ServerProcess } from './server-process.ts';

/** How hard. */
export type Pressure = Pick<KmsLoad, 'connections' | 'milliseconds'>;

type Parameters = Record<string, string>;

/** What is encrypted and read everywhere: 32 bytes in base64, and 64 characters. */
export const content: OpenBaoContent = { plaintext: randomBytes(32).toString('base64'), secret: 'x'.repeat(64) };

/** What Encrypt is asked. */
export function sealingWith(KeyId: string): Parameters {
  return { KeyId, Plaintext: content.plaintext, EncryptionContext: '{}' };
}

/** A generator of calls of one action, by `caller`. */
export function generatorFor(
  { endpoint, caPem }: ServerFacts,
  { accessKeyId, accessKeySecret }: Caller,
  [action, parameters]: readonly [action: string, parameters: Parameters],
  pressure: Pressure,
): GeneratorThread {
  const calls = { accessKeyId, accessKeySecret, action, parameters: [parameters] };
  return startKmsGenerator({ endpoint, caPem, ...calls, ...pressure });
}

/** A key, a ciphertext and a secret in a new service, and a RAM user who may use just these. */
export interface KmsContent {
  caller: Caller;
  sealing: Parameters;
  /** Encrypt, Decrypt and GetSecretValue with what they are asked. */
  calls: readonly (readonly [action: string, parameters: Parameters])[];
}

export async function fillKms(server: ServerProcess): Promise<KmsContent> {
  const { endpoint, caPem, accessKeyId, accessKeySecret } = server;
  const credentials = staticCredentials({ accessKeyId, accessKeySecret });
  const client = new KmsClient({ endpoint, caPem, region: 'local', credentials });
  const { KeyId, Arn } = (await client.createKey({})).KeyMetadata;
  await client.createSecret({ SecretName: 'bench', SecretData: content.secret, VersionId: 'v1' });
  const sealing = sealingWith(KeyId);
  const { CiphertextBlob } = (await client.call('Kms', 'Encrypt', sealing)) as { CiphertextBlob: string };
  const caller = await createUserWith(client, {
    crypto: { Effect: 'Allow', Action: ['kms:Encrypt', 'kms:Decrypt'], Resource: Arn },
    secret: { Effect: 'Allow', Action: 'kms:GetSecretValue', Resource: Arn.replace(/:key\/.*/, ':secret/bench') },
  });
  client.close();
  const calls = [
    ['Encrypt', sealing],
    ['Decrypt', { CiphertextBlob, EncryptionContext: '{}' }],
    ['GetSecretValue', { SecretName: 'bench' }],
  ] as const;
  return { caller, sealing, calls };
}

/** The three calls of a service with its state in `store`. */
export function kmsSubjects(server: ServerProcess, store: string, filled: KmsContent, pressure: Pressure): Subject[] {
  return filled.calls.map((call) => {
    return { name: `${call[0]}, ${store}`, server, generator: generatorFor(server, filled.caller, call, pressure) };
  });
}
