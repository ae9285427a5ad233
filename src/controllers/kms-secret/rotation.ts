import type { KmsSecret, KmsSecretStatus, SecretGenerator } from '../../api/v1alpha1/kms-secret.ts';
import { sameJson, text, type KmsAnswer, type KmsApi } from '../kms-api.ts';
import { secretName } from './name.ts';

/** The object's generator as KMS takes it: the spelling of GetRandomPassword's parameters, with a template besides. */
export function generatorText(generate: Partial<SecretGenerator>): string {
  const parameters = Object.entries(generate).map(([field, value]): [string, unknown] => [
    field === 'length' ? 'PasswordLength' : `${field.charAt(0).toUpperCase()}${field.slice(1)}`,
    value,
  ]);
  return JSON.stringify(Object.fromEntries(parameters));
}

/** Parameters of CreateSecret and UpdateSecretRotationPolicy for what the object says about rotation. */
export function rotationParameters({ spec }: KmsSecret): Readonly<Record<string, unknown>> {
  const hours = spec.rotation?.intervalHours;
  return hours === undefined
    ? { EnableAutomaticRotation: false }
    : { EnableAutomaticRotation: true, RotationInterval: `${hours}h` };
}

/** Puts interval and generator back. Called only where they differ: each call counts the interval anew. */
export async function settleRotation(
  kms: KmsApi,
  secret: KmsSecret,
  inKms: KmsAnswer,
  signal: AbortSignal,
): Promise<void> {
  const hours = secret.spec.rotation?.intervalHours;
  const interval = hours === undefined ? '' : `${hours * 3600}s`;
  const generator = wantedGenerator(secret, inKms);
  if (text(inKms, 'RotationInterval') === interval && generator === undefined) return;
  await kms.call(
    'UpdateSecretRotationPolicy',
    {
      SecretName: secretName(secret),
      ...rotationParameters(secret),
      ...(generator === undefined ? {} : { SecretDataGenerator: generator }),
    },
    signal,
  );
}

/** The generator that KMS should have and has not. Managed secrets have none: what they belong to says how they rotate. */
function wantedGenerator({ spec: { generate } }: KmsSecret, inKms: KmsAnswer): string | undefined {
  if (generate === undefined || text(inKms, 'SecretType') !== 'Generic') return undefined;
  const present = text(inKms, 'SecretDataGenerator');
  // KMS writes its own default where nothing is excluded.
  const wanted = generatorText(generate);
  const complete = JSON.stringify({ ExcludeCharacters: '', ...(JSON.parse(wanted) as object) });
  return sameJson(present, complete) ? undefined : wanted;
}

/** Fields of the status that tell about rotation. */
export function rotationStatus(
  inKms: KmsAnswer,
): Pick<KmsSecretStatus, 'automaticRotation' | 'lastRotationTime' | 'nextRotationTime'> {
  const lastRotationTime = text(inKms, 'LastRotationDate');
  const nextRotationTime = text(inKms, 'NextRotationDate');
  return {
    automaticRotation: text(inKms, 'AutomaticRotation'),
    ...(lastRotationTime !== '' && { lastRotationTime }),
    ...(nextRotationTime !== '' && { nextRotationTime }),
  };
}

/** What to add to the message of a secret whose rotation failed; empty otherwise. */
export function rotationAdvice(inKms: KmsAnswer): string {
  if (text(inKms, 'AutomaticRotation') !== 'Invalid') return '';
  return ` Its last rotation failed, and is tried again at ${text(inKms, 'NextRotationDate')}. kaap call RotateSecret says why.`;
}
