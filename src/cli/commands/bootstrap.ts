import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { createCertificateAuthority } from '../../crypto/x509.ts';
import type { ClusterApi } from '../../kube/cluster-api.ts';
import { isAlreadyExists } from '../../kube/kube-error.ts';
import type { KubeObject, ResourceType } from '../../kube/resource.ts';
import { standardOutput } from '../output.ts';

interface DataObject extends KubeObject {
  type?: string;
  data: Record<string, string>;
}

const secretType: ResourceType<DataObject> = resource('secrets', 'Secret');
const configMapType: ResourceType<DataObject> = resource('configmaps', 'ConfigMap');

function resource(plural: string, kind: string): ResourceType<DataObject> {
  return { group: '', version: 'v1', plural, kind, namespaced: true };
}

/** Names of what an installation needs before its first start. */
export const bootstrapNames = {
  authority: 'kaap-kms-ca',
  trust: 'kaap-kms-trust',
  seal: 'kaap-kms-seal',
} as const;

const hourMs = 3_600_000;

/** `kaap bootstrap`: makes what is missing and never touches what is there. Run by the chart before installation. */
export function registerBootstrap(program: Command, connect: () => Promise<ClusterApi>): void {
  program
    .command('bootstrap')
    .description('create the certificate authority and the seal key of an installation, where they are missing')
    .requiredOption('--namespace <namespace>', 'namespace of the installation')
    .action(async ({ namespace }: { namespace: string }) => {
      const signal = AbortSignal.timeout(60_000);
      for (const line of await bootstrap(await connect(), namespace, Date.now(), signal)) standardOutput.line(line);
    });
}

/** Creates the three objects. Gives a line for each: what was made, what was there. */
export async function bootstrap(
  cluster: ClusterApi,
  namespace: string,
  nowMs: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const seal = await createIfMissing(cluster, secretType, namespace, bootstrapNames.seal, signal, () => ({
    'seal.key': base64(randomBytes(32).toString('base64')),
  }));
  const present = await cluster.get(secretType, { namespace, name: bootstrapNames.authority }, { signal });
  const made = present === undefined ? newAuthority(nowMs) : present.data;
  const authority = await createIfMissing(cluster, secretType, namespace, bootstrapNames.authority, signal, () => made);
  const trusted = await cluster.get(secretType, { namespace, name: bootstrapNames.authority }, { signal });
  const trust = await createIfMissing(cluster, configMapType, namespace, bootstrapNames.trust, signal, () => ({
    'ca.crt': Buffer.from(trusted?.data['ca.crt'] ?? '', 'base64').toString('utf8'),
  }));
  return [seal, authority, trust];
}

function newAuthority(nowMs: number): Record<string, string> {
  const pair = createCertificateAuthority({
    commonName: 'Kaap root CA',
    notBefore: nowMs - hourMs,
    random: randomBytes,
  });
  return { 'ca.crt': base64(pair.certificatePem), 'ca.key': base64(pair.privateKeyPem) };
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

async function createIfMissing(
  cluster: ClusterApi,
  type: ResourceType<DataObject>,
  namespace: string,
  name: string,
  signal: AbortSignal,
  data: () => Record<string, string>,
): Promise<string> {
  const what = `${type.kind} ${namespace}/${name}`;
  if ((await cluster.get(type, { namespace, name }, { signal })) !== undefined) return `${what} is there.`;
  try {
    await cluster.create(type, { metadata: { name, namespace }, data: data() }, { signal });
    return `${what} created.`;
  } catch (error) {
    if (isAlreadyExists(error)) return `${what} is there.`;
    throw error;
  }
}
