import { z } from 'zod';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import { containerArn } from '../../arn.ts';
import { sharedScope, type KmsDependencies } from '../../dependencies.ts';
import { filters, matches, type FilterTable } from '../../filters.ts';
import { pageOfMatches, pageOfTable, pageParameters } from '../../paging.ts';
import { flag, withDefault } from '../../parameters.ts';
import { secretTable, type SecretRecord } from '../../records/secret.ts';
import { listTags } from '../../tags.ts';
import { isoSeconds } from '../../time-format.ts';

/** Filter → the texts of a secret that it looks at (KMS ListSecrets → Filters). */
const filterTable: FilterTable<SecretRecord> = {
  SecretName: (secret) => [secret.name],
  Description: (secret) => [secret.description],
  SecretType: (secret) => [secret.secretType],
  DKMSInstanceId: (secret) => [secret.scope === sharedScope ? '' : secret.scope],
  TagKey: (secret) => Object.keys(secret.tags),
  TagValue: (secret) => Object.values(secret.tags),
};

const input = z.object({
  Filters: filters(Object.keys(filterTable)),
  FetchTags: withDefault(flag(), false),
  ...pageParameters(10),
});

/** KMS ListSecrets: names and dates, never values. */
export function listSecrets(dependencies: KmsDependencies): AnyAction {
  return defineAction<z.infer<typeof input>>({
    name: 'ListSecrets',
    product: 'Kms',
    input,
    plan: ({ Filters, FetchTags, ...page }) => ({
      access: [{ action: 'kms:ListSecrets', resource: containerArn(dependencies, 'secret'), scope: sharedScope }],
      run: async () => {
        const { store } = dependencies;
        const isAsked = (secret: SecretRecord): boolean => matches(filterTable, Filters, secret);
        const { items, fields } = await (Filters.length === 0
          ? pageOfTable(secretTable, store, page)
          : pageOfMatches(secretTable, store, page, isAsked));
        return { SecretList: { Secret: items.map(({ record }) => listed(record, FetchTags)) }, ...fields };
      },
    }),
  });
}

function listed(secret: SecretRecord, fetchTags: boolean): Record<string, unknown> {
  return {
    CreateTime: isoSeconds(secret.createTime),
    OwingService: '',
    PlannedDeleteTime: secret.deletion === undefined ? '' : isoSeconds(secret.deletion.dueTime),
    SecretName: secret.name,
    SecretType: secret.secretType,
    Tags: { Tag: fetchTags ? listTags(secret.tags) : [] },
    UpdateTime: isoSeconds(secret.updateTime),
  };
}
