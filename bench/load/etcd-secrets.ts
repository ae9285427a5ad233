import { randomBytes } from 'node:crypto';

/** Operations in one transaction of etcd, by its default limit. */
const maxOperations = 128;

/**
 * Puts Secrets of 1 KiB into etcd by its JSON gateway, where the API server then finds them: a hundred thousand take
 * seconds instead of minutes. The API server reads stored JSON as it reads its own protobuf.
 */
export async function fillWithSecrets(etcdEndpoint: string, count: number, namespace: string): Promise<void> {
  for (let from = 0; from < count; from += maxOperations) {
    const size = Math.min(maxOperations, count - from);
    const success = Array.from({ length: size }, (_, at) => ({ requestPut: putOf(namespace, `filler-${from + at}`) }));
    const answer = await fetch(`${etcdEndpoint}/v3/kv/txn`, { method: 'POST', body: JSON.stringify({ success }) });
    if (!answer.ok) throw new Error(`etcd refused: ${answer.status} ${await answer.text()}`);
  }
}

function putOf(namespace: string, name: string): { key: string; value: string } {
  const object = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, uid: crypto.randomUUID(), creationTimestamp: new Date().toISOString() },
    type: 'Opaque',
    data: { value: randomBytes(1024).toString('base64') },
  };
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return { key: base64(`/registry/secrets/${namespace}/${name}`), value: base64(JSON.stringify(object)) };
}
