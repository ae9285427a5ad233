import { randomBytes } from 'node:crypto';

/** An object as an API server stores it. */
export interface StoredObject {
  apiVersion: string;
  kind: string;
  metadata: { namespace: string; name: string };
}

/** Operations in one transaction of etcd, by its default limit. */
const maxOperations = 128;

/**
 * Puts objects into etcd by its JSON gateway, where the API server then finds them: a hundred thousand take seconds
 * instead of minutes. Custom resources are stored as JSON, and the API server reads JSON where it writes protobuf, too.
 * `folder` is that of the kind below `/registry`.
 */
export async function putObjects(
  etcdEndpoint: string,
  folder: string,
  count: number,
  objectAt: (at: number) => StoredObject,
): Promise<void> {
  for (let from = 0; from < count; from += maxOperations) {
    const size = Math.min(maxOperations, count - from);
    const success = Array.from({ length: size }, (_, at) => ({ requestPut: putOf(folder, objectAt(from + at)) }));
    const answer = await fetch(`${etcdEndpoint}/v3/kv/txn`, { method: 'POST', body: JSON.stringify({ success }) });
    if (!answer.ok) throw new Error(`etcd refused: ${answer.status} ${await answer.text()}`);
  }
}

function putOf(folder: string, object: StoredObject): { key: string; value: string } {
  const { namespace, name } = object.metadata;
  const creationTimestamp = new Date().toISOString().replace(/\.\d+/, '');
  const metadata = { ...object.metadata, uid: crypto.randomUUID(), generation: 1, creationTimestamp };
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return {
    key: base64(`/registry/${folder}/${namespace}/${name}`),
    value: base64(JSON.stringify({ ...object, metadata })),
  };
}

/** A Secret of 1 KiB that nobody asks for. */
export function fillerSecret(at: number): StoredObject & { data: object } {
  const metadata = { namespace: 'default', name: `filler-${at}` };
  return { apiVersion: 'v1', kind: 'Secret', metadata, data: { value: randomBytes(1024).toString('base64') } };
}
