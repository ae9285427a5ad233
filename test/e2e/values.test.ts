import { beforeAll, describe, expect, it } from 'vitest';
import { canary } from './canaries.ts';
import { cluster, eventsAbout, eventually, kaap, podsOf, printed } from './installation.ts';
import { podTemplate, tenantObjects } from './tenant.ts';

const namespace = 'e2e-values';
const file = '/var/run/secrets/kaap/value';
const text = canary();

/** Values by the names of their secrets, and why the kubelet's file cannot hold them as a variable. */
const values: readonly { name: string; title: string; value: Buffer; refusal: string }[] = [
  { name: 'quote', title: 'a single quote', value: Buffer.from(`${text}it's`), refusal: 'single quote' },
  { name: 'nul', title: 'NUL', value: Buffer.from(`${text}\0end`), refusal: 'NUL' },
  {
    name: 'bytes',
    title: 'bytes that are not UTF-8',
    value: Buffer.concat([Buffer.from(text), Buffer.from([0xc3, 0x28, 0xff])]),
    refusal: 'not UTF-8',
  },
];

function binding(name: string, secret: string, delivery: object): object {
  const source = { sources: [{ name: 'value', secret: { name: `${namespace}/${secret}` } }], accessPoint: namespace };
  const spec = { podSelector: { matchLabels: { binding: name } }, envMethod: 'FileKeyRef', ...source, ...delivery };
  return { apiVersion: 'kaap.dev/v1alpha1', kind: 'SecretBinding', metadata: { name, namespace }, spec };
}

function pod(name: string, args: readonly string[]): object {
  const { metadata, spec } = podTemplate({ namespace, args, restartPolicy: 'Never', labels: { binding: name } });
  return { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name, namespace }, spec };
}

beforeAll(async () => {
  const objects = tenantObjects({ namespace, method: 'role' });
  const isBinding = (object: object): boolean => (object as { kind: string }).kind === 'SecretBinding';
  const bindings = values.flatMap(({ name }) => [
    binding(`${name}-file`, name, { files: [{ path: 'value', source: 'value', mode: '0444' }] }),
    binding(`${name}-env`, name, { env: [{ name: 'VALUE', source: 'value' }] }),
  ]);
  await cluster().apply([...objects.filter((object) => !isBinding(object)), ...bindings]);
  for (const { name, value } of values) {
    const data = [`SecretData=${value.toString('base64')}`, 'SecretDataType=binary', 'VersionId=v1'];
    await kaap(['call', 'CreateSecret', `SecretName=${namespace}/${name}`, ...data]);
  }
  await cluster().kubectl(['wait', '--for=condition=Ready', 'sbind', '--all', '-n', namespace, '--timeout=60s']);
  await cluster().apply(values.flatMap(({ name }) => [pod(`${name}-file`, [file]), pod(`${name}-env`, ['VALUE'])]));
});

describe.each(values)('A7: a value with $title', ({ name, value, refusal }) => {
  it('arrives in a file byte for byte', async () => {
    const got = await eventually(
      async () => (await printed(namespace, `${name}-file`).catch(() => new Map<string, Buffer | null>())).get(file),
      () => cluster().kubectl(['describe', 'pod', '-n', namespace, `${name}-file`]),
    );
    expect(got?.equals(value)).toBe(true);
  });

  it('is refused as a variable of the kubelet, without being shown, and the application does not start', async () => {
    const event = await eventually(
      async () =>
        (await eventsAbout(namespace, `${name}-env`)).find((each) => each.startsWith('SecretsNotDelivered: ')),
      () => cluster().kubectl(['describe', 'pod', '-n', namespace, `${name}-env`]),
    );
    expect(event).toContain(refusal);
    expect(event).not.toContain(text.slice(0, 30));
    const [seen] = await podsOf(namespace, `binding=${name}-env`);
    const state = seen?.status.containerStatuses?.[0]?.state;
    expect(state?.running ?? state?.terminated).toBeUndefined();
  });
});

it('A7: a value of 33 KiB is refused by KMS, with its limit', async () => {
  const data = [`SecretData=${'x'.repeat(33 * 1024)}`, 'VersionId=v1'];
  const put = kaap(['call', 'CreateSecret', `SecretName=${namespace}/long`, ...data]);
  await expect(put).rejects.toThrow(/SecretData is not valid.*30720 bytes/);
});
