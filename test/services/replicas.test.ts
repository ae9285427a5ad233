import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KmsClient, staticCredentials } from '../../src/client/kms-client.ts';
import { formBody } from '../../src/client/parameters.ts';
import { signRequest } from '../../src/client/sign-request.ts';
import { startTestServer, type TestServer } from '../support/kms-server.ts';
import { startPostgres, type PostgresServer } from './postgres-server.ts';

let database: PostgresServer;
let folder: string;
let first: TestServer;
let second: TestServer;

beforeAll(async () => {
  database = await startPostgres();
  folder = await mkdtemp(join(tmpdir(), 'kaap-replicas-'));
  const environment = { KAAP_DATABASE_URL: database.url, KAAP_SEAL_FILE: join(folder, 'seal.key') };
  first = await startTestServer({ environment: { ...environment, KAAP_REPLICA: 'kaap-kms-0' } });
  second = await startTestServer({ environment: { ...environment, KAAP_REPLICA: 'kaap-kms-1' }, root: first.root });
});
afterAll(async () => {
  await first.close();
  await second.close();
  await database.stop();
  await rm(folder, { recursive: true });
});

const code = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'OK',
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  );

const encrypt = (server: TestServer, KeyId: string): Promise<string> =>
  code(server.client.call('Kms', 'Encrypt', { KeyId, Plaintext: 'AAAA' }));

/** Sends the same signed bytes wherever it is told to. */
function send(server: TestServer, headers: Record<string, string>, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(server.endpoint, { method: 'POST', ca: server.caPem, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve((JSON.parse(text) as { Code?: string }).Code ?? 'OK'));
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

describe('Two replicas on one database', () => {
  it('share keys and secrets: what one makes the other uses', async () => {
    const { KeyMetadata } = await first.client.createKey({});
    const { CiphertextBlob } = (await second.client.call('Kms', 'Encrypt', {
      KeyId: KeyMetadata.KeyId,
      Plaintext: 'c2hhcmVk',
    })) as { CiphertextBlob: string };
    expect(await first.client.call('Kms', 'Decrypt', { CiphertextBlob })).toMatchObject({ Plaintext: 'c2hhcmVk' });
  });

  it('E1: refuse a key on every replica as soon as one has disabled it, also while others encrypt', async () => {
    const { KeyMetadata } = await first.client.createKey({});
    const { KeyId } = KeyMetadata;
    for (let round = 0; round < 10; round += 1) {
      let disabled = false;
      const late: string[] = [];
      const hammer = async (): Promise<void> => {
        for (let calls = 0; calls < 30; calls += 1) {
          const begunAfter = disabled;
          const outcome = await encrypt(second, KeyId);
          if (begunAfter) late.push(outcome);
        }
      };
      const hammering = [hammer(), hammer()];
      await first.client.call('Kms', 'DisableKey', { KeyId });
      disabled = true;
      expect(await encrypt(second, KeyId)).toBe('Rejected.Disabled');
      await Promise.all(hammering);
      expect(new Set(late)).toEqual(new Set(['Rejected.Disabled']));
      await first.client.call('Kms', 'EnableKey', { KeyId });
      expect(await encrypt(second, KeyId)).toBe('OK');
    }
    await first.client.call('Kms', 'ScheduleKeyDeletion', { KeyId, PendingWindowInDays: '7' });
    expect(await encrypt(second, KeyId)).toBe('Rejected.PendingDeletion');
  });

  it('D9: obey a change of policies, and a revoked access key, with the next request on every replica', async () => {
    await first.client.call('Ram', 'CreateUser', { UserName: 'ci' });
    const { AccessKey } = (await first.client.call('Ram', 'CreateAccessKey', { UserName: 'ci' })) as {
      AccessKey: { AccessKeyId: string; AccessKeySecret: string };
    };
    const list = (): Promise<string> => {
      const body = formBody({});
      const credential = {
        kind: 'AccessKey',
        accessKeyId: AccessKey.AccessKeyId,
        accessKeySecret: AccessKey.AccessKeySecret,
      } as const;
      const call = {
        host: second.host,
        version: '2016-01-20',
        action: 'ListKeys',
        body,
        time: Date.now(),
        userAgent: 'test',
      };
      return send(second, signRequest(call, credential), body);
    };
    expect(await list()).toBe('Forbidden.NoPermission');
    const grant = { PolicyType: 'System', PolicyName: 'AliyunKMSReadOnlyAccess', UserName: 'ci' };
    await first.client.call('Ram', 'AttachPolicyToUser', grant);
    expect(await list()).toBe('OK');
    await first.client.call('Ram', 'DetachPolicyFromUser', grant);
    expect(await list()).toBe('Forbidden.NoPermission');
    await first.client.call('Ram', 'DeleteAccessKey', { UserName: 'ci', UserAccessKeyId: AccessKey.AccessKeyId });
    expect(await list()).toBe('InvalidAccessKeyId.NotFound');
  });

  it('D9: refuse an access key on every replica as soon as one has switched it off, also while it is used', async () => {
    const user = { UserName: 'switched' };
    await first.client.call('Ram', 'CreateUser', user);
    const readOnly = { PolicyType: 'System', PolicyName: 'AliyunKMSReadOnlyAccess' };
    await first.client.call('Ram', 'AttachPolicyToUser', { ...user, ...readOnly });
    const { AccessKey } = (await first.client.call('Ram', 'CreateAccessKey', user)) as {
      AccessKey: { AccessKeyId: string; AccessKeySecret: string };
    };
    const credentials = staticCredentials({
      accessKeyId: AccessKey.AccessKeyId,
      accessKeySecret: AccessKey.AccessKeySecret,
    });
    const { endpoint, caPem } = second;
    const client = new KmsClient({ endpoint, caPem, region: 'local', credentials, maxAttempts: 1 });
    const list = (): Promise<string> => code(client.call('Kms', 'ListKeys', {}));
    const turn = (Status: string): Promise<unknown> =>
      first.client.call('Ram', 'UpdateAccessKey', { ...user, UserAccessKeyId: AccessKey.AccessKeyId, Status });
    for (let round = 0; round < 10; round += 1) {
      expect(await list()).toBe('OK');
      let off = false;
      const late: string[] = [];
      const hammer = async (): Promise<void> => {
        for (let calls = 0; calls < 30; calls += 1) {
          const begunAfter = off;
          const outcome = await list();
          if (begunAfter) late.push(outcome);
        }
      };
      const hammering = [hammer(), hammer()];
      await turn('Inactive');
      off = true;
      expect(await list()).toBe('InvalidAccessKeyId.Inactive');
      await Promise.all(hammering);
      expect(new Set(late)).toEqual(new Set(['InvalidAccessKeyId.Inactive']));
      await turn('Active');
    }
    client.close();
  });

  it('C6: refuse a request on one replica that the other has taken', async () => {
    const body = formBody({});
    const { AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret } = first.root;
    const call = {
      host: 'localhost',
      version: '2016-01-20',
      action: 'ListKeys',
      body,
      time: Date.now(),
      userAgent: 'test',
    };
    const headers = signRequest(call, { kind: 'AccessKey', accessKeyId, accessKeySecret });
    expect(await send(first, headers, body)).toBe('OK');
    expect(await send(second, headers, body)).toBe('SignatureNonceUsed');
    expect(await send(first, headers, body)).toBe('SignatureNonceUsed');
  });
});
