import { RecordTable } from './record-table.ts';

/** Which service account of a name an access point is bound to. Bucket `kms/service-account-bindings`, by {@link bindingKey}. */
export interface ServiceAccountBinding {
  accessPoint: string;
  provider: string;
  namespace: string;
  name: string;
  uid: string;
  /** Milliseconds since the Unix epoch. */
  boundTime: number;
  /** The latest other service account of the name that was refused. */
  refusedUid?: string;
  refusedTime?: number;
}

export const serviceAccountBindingTable: RecordTable<ServiceAccountBinding> = new RecordTable(
  'kms/service-account-bindings',
);

/** None of the parts holds a newline. */
export function bindingKey(accessPoint: string, provider: string, namespace: string, name: string): string {
  return [accessPoint, provider, namespace, name].join('\n');
}
