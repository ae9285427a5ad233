import { z } from 'zod';
import { ApiError } from '../../../lib/errors.ts';
import type { AccessRequest } from '../../../policy/decision.ts';
import { defineAction, type Action, type AnyAction } from '../../../ports/action.ts';
import { containerArn, resourceArn } from '../../arn.ts';
import { sharedScope, type KmsDependencies } from '../../dependencies.ts';
import { optional, text } from '../../parameters.ts';
import { clientKeyTable, type ClientKeyRecord } from '../../records/client-key.ts';
import type { Reader } from '../../records/record-table.ts';
import { isoSeconds } from '../../time-format.ts';
import { deleteClientKeyRecord } from './client-key-deletion.ts';
import { resourceName } from './named-action.ts';

const clientKeyId = z.object({
  ClientKeyId: text({ max: 64, pattern: /^KAAP\.[0-9A-Za-z-]+$/, allowed: 'a client key id, which begins with KAAP.' }),
});

/** `LastUsedTime` is Kaap's own: when the key last signed a request, where that is known. */
async function fields({ credentialUses }: KmsDependencies, record: ClientKeyRecord): Promise<Record<string, string>> {
  const lastUse = await credentialUses?.lastUse(record.clientKeyId);
  return {
    ...(lastUse === undefined ? {} : { LastUsedTime: isoSeconds(lastUse) }),
    AapName: record.accessPoint,
    ClientKeyId: record.clientKeyId,
    CreateTime: isoSeconds(record.createTime),
    KeyAlgorithm: 'RSA_2048',
    KeyOrigin: 'KMS_PROVIDED',
    NotAfter: isoSeconds(record.notAfter),
    NotBefore: isoSeconds(record.notBefore),
    PublicKeyData: record.certificatePem,
  };
}

/** An action about one client key; its permission is on the access point that the key belongs to. */
function clientKeyAction(
  dependencies: KmsDependencies,
  name: string,
  run: (id: string) => Promise<Record<string, unknown>>,
): AnyAction {
  const plan: Action<{ ClientKeyId: string }>['plan'] = async ({ ClientKeyId }) => {
    const record = await clientKeyTable.get(dependencies.store, ClientKeyId);
    const resource = resourceArn(dependencies, 'applicationaccesspoint', record?.accessPoint ?? ClientKeyId);
    return { access: [{ action: `kms:${name}`, resource, scope: sharedScope }], run: () => run(ClientKeyId) };
  };
  return defineAction({ name, product: 'Kms', input: clientKeyId, plan });
}

async function load(reader: Pick<Reader, 'get'>, id: string): Promise<ClientKeyRecord> {
  const record = await clientKeyTable.get(reader, id);
  if (record !== undefined) return record;
  const message = `There is no client key ${id}. ListClientKeys shows those that exist.`;
  throw new ApiError('Forbidden.ResourceNotFound', message);
}

/** KMS GetClientKey: the certificate; never the private key. */
export function getClientKey(dependencies: KmsDependencies): AnyAction {
  return clientKeyAction(dependencies, 'GetClientKey', async (id) =>
    fields(dependencies, await load(dependencies.store, id)),
  );
}

/** KMS DeleteClientKey. Requests that it signs are refused from then on, for good. */
export function deleteClientKey(dependencies: KmsDependencies): AnyAction {
  return clientKeyAction(dependencies, 'DeleteClientKey', async (id) => {
    const deleteTime = dependencies.clock.now();
    await dependencies.store.transact(async (transaction) => {
      await load(transaction, id);
      await deleteClientKeyRecord(transaction, id, deleteTime);
    });
    return {};
  });
}

/** KMS ListClientKeys: of one access point, or of all. */
export function listClientKeys(dependencies: KmsDependencies): AnyAction {
  const input = z.object({ AapName: optional(resourceName()) });
  const accessOf = (name: string | undefined): AccessRequest => ({
    action: 'kms:ListClientKeys',
    resource:
      name === undefined
        ? containerArn(dependencies, 'applicationaccesspoint')
        : resourceArn(dependencies, 'applicationaccesspoint', name),
    scope: sharedScope,
  });
  return defineAction<z.infer<typeof input>>({
    name: 'ListClientKeys',
    product: 'Kms',
    input,
    plan: ({ AapName }) => ({
      access: [accessOf(AapName)],
      run: async () => {
        const records = (await clientKeyTable.all(dependencies.store)).map(({ record }) => record);
        const asked = records.filter(({ accessPoint }) => AapName === undefined || accessPoint === AapName);
        return { ClientKeys: await Promise.all(asked.map((record) => fields(dependencies, record))) };
      },
    }),
  });
}
