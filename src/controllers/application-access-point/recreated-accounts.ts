import type { Outcome } from '../lifecycle.ts';
import type { KmsAnswer } from '../kms-api.ts';

/** The condition that is True while a listed service account stays out because it is another one than before. */
export const recreatedType = 'ServiceAccountRecreated';

interface Binding {
  Namespace: string;
  Name: string;
  RefusedUid?: string;
}

/** What the bindings of an access point in KMS say of service accounts that were made again under their names. */
export function recreatedAccounts(
  inKms: KmsAnswer | undefined,
): Pick<Outcome<object>, 'conditions' | 'dropConditions'> {
  const refused = ((inKms?.['ServiceAccountBindings'] ?? []) as Binding[]).filter(
    ({ RefusedUid }) => RefusedUid !== undefined,
  );
  if (refused.length === 0) return { dropConditions: [recreatedType] };
  const who = refused.map(({ Namespace, Name, RefusedUid }) => `${Namespace}/${Name} (uid ${RefusedUid})`).join(', ');
  const message = `Made again under the name and not let in: ${who}. If it is who is meant, add its uid to its entry of serviceAccounts.`;
  return { conditions: [{ type: recreatedType, status: 'True', reason: 'UidDiffers', message }] };
}
