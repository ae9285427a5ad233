/**
 * What a pod of the node asks of 100.100.100.200, and does with what it gets. Bundled into one text and run in the pod by
 * node-roles.test.ts, with the SDKs of Alibaba Cloud as they are. Arguments: the authority of the KMS (PEM), a secret.
 */
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import Credentials from '@alicloud/credentials';
import Kms from '@alicloud/kms20160120';
import OpenApi from '@alicloud/openapi-client';

const [caPem = '', secretName = ''] = process.argv.slice(2);
const metadata = 'http://100.100.100.200/latest';
const roles = `${metadata}/meta-data/ram/security-credentials/`;

/** The text of the answer. Throws status and text of a refusal. */
async function ask(url: string, init: RequestInit = {}): Promise<string> {
  const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
  const text = await answer.text();
  if (answer.ok) return text;
  throw new Error(`${answer.status} ${text.trim()}`);
}

/** The name of the role, and whether its credentials came. */
async function roleBy(headers: Record<string, string>): Promise<string> {
  const role = await ask(roles, { headers });
  const { Code } = JSON.parse(await ask(`${roles}${role}`, { headers })) as { Code?: string };
  return `${role} ${Code ?? 'nothing'}`;
}

async function hardened(): Promise<string> {
  const headers = { 'X-aliyun-ecs-metadata-token-ttl-seconds': '60' };
  const token = await ask(`${metadata}/api/token`, { method: 'PUT', headers });
  return roleBy({ 'X-aliyun-ecs-metadata-token': token });
}

/** The value of the secret, by the SDKs alone. */
async function bySdk(): Promise<string> {
  const credential = new Credentials.default(new Credentials.Config({ type: 'ecs_ram_role' }));
  const endpoint = 'kaap-kms.kaap-system.svc';
  const sdk = new Kms.default(new OpenApi.Config({ credential, endpoint, protocol: 'https', regionId: 'local' }));
  const { secretData } = await sdk.getSecretValue(new Kms.GetSecretValueRequest({ secretName }));
  return secretData;
}

const outcome = (work: Promise<string>): Promise<string> => work.catch((error: unknown) => `failed: ${String(error)}`);

async function main(): Promise<void> {
  setDefaultCACertificates([...getCACertificates('default'), caPem]);
  const seen = { plain: await outcome(roleBy({})), hardened: await outcome(hardened()), sdk: await outcome(bySdk()) };
  process.stdout.write(`${JSON.stringify(seen)}\n`);
}

void main();
