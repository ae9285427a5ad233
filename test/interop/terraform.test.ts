import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openClientKeyFile } from '../../src/crypto/client-key-file.ts';
import { startDevelopmentServer, type DevelopmentServer } from './development-server.ts';
import { has } from './sdk-program.ts';
import { buildTerraform, terraformFolder, terraformIsWanted, tofuIn } from './terraform-programs.ts';

const isRun = has('go', 'version') && terraformIsWanted();
const reason = isRun ? '' : ' (not run: it compiles for minutes; with Go and KAAP_INTEROP_TERRAFORM=1 it does)';
const buildTimeoutMs = 3_000_000;
const applyTimeoutMs = 240_000;

interface Outputs {
  readonly [name: string]: { readonly value: unknown } | undefined;
}

describe.skipIf(!isRun)(`Alibaba's Terraform provider 1.240.0 in OpenTofu 1.12.6${reason}`, () => {
  let server: DevelopmentServer;
  let folder: string;
  let tofu: ReturnType<typeof tofuIn>;

  beforeAll(async () => {
    await buildTerraform();
    server = await startDevelopmentServer();
    folder = await mkdtemp(join(tmpdir(), 'kaap-terraform-'));
    await cp(join(import.meta.dirname, 'terraform', 'main.tf'), join(folder, 'main.tf'));
    const override = `dev_overrides { "aliyun/alicloud" = ${JSON.stringify(terraformFolder)} }`;
    await writeFile(join(folder, 'tofu.rc'), `provider_installation {\n  ${override}\n  direct {}\n}\n`);
    const of = (name: string): string => server.variables[name] ?? '';
    tofu = tofuIn(folder, {
      TF_CLI_CONFIG_FILE: join(folder, 'tofu.rc'),
      TF_VAR_instance: of('KAAP_INSTANCE_ID'),
      TF_VAR_client_key_file: join(folder, 'client-key.json'),
      ALIBABA_CLOUD_ACCESS_KEY_ID: of('ALIBABA_CLOUD_ACCESS_KEY_ID'),
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: of('ALIBABA_CLOUD_ACCESS_KEY_SECRET'),
      ALIBABA_CLOUD_ENDPOINT_KMS: of('KAAP_ENDPOINT').replace('https://', ''),
      SSL_CERT_FILE: of('KAAP_CA_FILE'),
    });
  }, buildTimeoutMs);
  afterAll(async () => {
    await server?.close();
    if (folder !== undefined) await rm(folder, { recursive: true });
  });

  const outputs = async (): Promise<Outputs> => JSON.parse(await tofu('output', '-json')) as Outputs;

  test('makes the resources, and reads each back', { timeout: applyTimeoutMs }, async () => {
    await tofu('apply', '-auto-approve', '-no-color');
    const { plaintext, key, aliases, key_versions, secret, secret_versions } = await outputs();
    expect(plaintext?.value).toBe('a value in the state');
    expect(key?.value).toMatchObject({ status: 'Enabled', description: 'made by Terraform', origin: 'Aliyun_KMS' });
    expect(aliases?.value).toEqual(['alias/terraform-orders']);
    expect(key_versions?.value).toBe(1);
    expect(secret?.value).toMatchObject({ secret_name: 'terraform-database', tags: { team: 'payments' } });
    expect(secret_versions?.value).toMatchObject([{ version_id: 'v1', secret_data: 'first' }]);
  });

  test('finds nothing to change afterwards', { timeout: applyTimeoutMs }, async () => {
    await expect(tofu('plan', '-detailed-exitcode', '-no-color')).resolves.toContain('No changes');
  });

  test('the client key that it wrote opens with its password', async () => {
    const file = await readFile(join(folder, 'client-key.json'), 'utf8');
    expect(openClientKeyFile(file, 'Correct-Horse-7-Battery').keyId).toMatch(/^KAAP\./);
  });

  test('changes descriptions and the value of the secret in place', { timeout: applyTimeoutMs }, async () => {
    const change = ['description=changed', 'secret_version=v2', 'secret_data=second'].map((value) => `-var=${value}`);
    const told = await tofu('apply', '-auto-approve', '-no-color', ...change);
    expect(told).toContain('0 destroyed');
    await expect(tofu('plan', '-detailed-exitcode', '-no-color', ...change)).resolves.toContain('No changes');
    const { key, secret_versions } = await outputs();
    expect(key?.value).toMatchObject({ description: 'changed' });
    expect(secret_versions?.value).toContainEqual(expect.objectContaining({ version_id: 'v2', secret_data: 'second' }));
  });

  test('takes everything away again', { timeout: applyTimeoutMs }, async () => {
    await tofu('destroy', '-auto-approve', '-no-color');
    await expect(tofu('state', 'list')).resolves.toBe('');
  });
});
