import { beforeAll, describe, expect, it } from 'vitest';
import { cluster, eventually, read } from './installation.ts';
import { tenantObjects } from './tenant.ts';

const namespace = 'e2e-kubectl';

interface Conditioned {
  status?: { conditions?: { type: string; status: string; reason: string; message: string }[] };
}

async function readyReason(args: readonly string[], reason: string): Promise<string> {
  return eventually(
    async () => {
      const object = await read<Conditioned>(args);
      return object?.status?.conditions?.find((condition) => condition.type === 'Ready' && condition.reason === reason)
        ?.message;
    },
    async () =>
      `${args.join(' ')} has no Ready reason ${reason}: ${JSON.stringify((await read<Conditioned>(args))?.status)}`,
    30_000,
  );
}

describe('kubectl', () => {
  beforeAll(async () => {
    const objects = tenantObjects({ namespace, method: 'role' });
    await cluster().apply(objects.filter((object) => (object as { kind: string }).kind !== 'ApplicationAccessPoint'));
  });

  it('shows that a binding names an access point that does not exist, and what to do', async () => {
    const message = await readyReason(['sbind', 'db', '-n', namespace], 'AccessPointNotFound');
    expect(message).toContain(namespace);
    expect(message).toContain('Create the ApplicationAccessPoint');
  });

  it('shows that a binding names a secret that does not exist', async () => {
    await cluster().apply(tenantObjects({ namespace, method: 'role' }));
    const message = await readyReason(['sbind', 'db', '-n', namespace], 'SecretNotFound');
    expect(message).toContain(`${namespace}/db`);
  });

  it('shows that a selector takes no pod', async () => {
    await cluster().apply([
      {
        apiVersion: 'kaap.dev/v1alpha1',
        kind: 'KmsSecret',
        metadata: { name: 'db', namespace },
        spec: { generate: { length: 24 } },
      },
    ]);
    await cluster().kubectl(['wait', '--for=condition=Ready', 'sbind/db', '-n', namespace, '--timeout=30s']);
    const binding = await read<Conditioned>(['sbind', 'db', '-n', namespace]);
    const selected = binding?.status?.conditions?.find(({ type }) => type === 'PodsSelected');
    expect(selected).toMatchObject({ status: 'False', reason: 'NoPodSelected' });
    expect(selected?.message).toContain('app=app');
  });

  it('waits for Ready, lists with short names and columns, and by category', async () => {
    await cluster().kubectl(['wait', '--for=condition=Ready', 'kkey/main', '-n', namespace, '--timeout=30s']);
    const keys = await cluster().kubectl(['get', 'kkey', '-n', namespace]);
    expect(keys).toMatch(/NAME\s+READY\s+.*SPEC.*\n\S+\s+True\s+.*Aliyun_AES_256/);
    const all = await cluster().kubectl(['get', 'kaap', '-n', namespace]);
    expect(all).toContain('kmskey.kaap.dev/main');
    expect(all).toContain('secretbinding.kaap.dev/db');
  });

  it('describes an object with its events, and explains its fields', async () => {
    const described = await cluster().kubectl(['describe', 'sbind', 'db', '-n', namespace]);
    expect(described).toContain('AccessPointNotFound');
    expect(described).toMatch(/Events:[\s\S]*Ready/);
    const explained = await cluster().kubectl(['explain', 'secretbinding.spec.podSelector']);
    expect(explained).toContain('kaap.dev/inject');
  });

  it('is refused a malformed manifest by the API server, with the name of the field', async () => {
    const bad = {
      apiVersion: 'kaap.dev/v1alpha1',
      kind: 'SecretBinding',
      metadata: { name: 'bad', namespace },
      spec: { podSelector: {}, accessPoint: 'x', sources: [{ name: 'a' }], env: [{ name: '1BAD', source: 'b' }] },
    };
    const refusal = await cluster()
      .apply([bad])
      .then(
        () => 'it was taken',
        (error: unknown) => String(error),
      );
    expect(refusal).toContain('spec.env[0].name');
    expect(refusal).toContain('spec.sources[0]');
  });
});
