import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { ConfigError } from '../../lib/config.ts';
import { HsmClient } from '../../providers/pkcs11-client.ts';
import { Pkcs11Provider } from '../../providers/pkcs11-provider.ts';
import { readKeyFile, readSealKey, writeKeyFile, type OwnedKey } from '../../storage/xki-key-file.ts';
import { withClient } from '../connection.ts';
import { standardOutput, table } from '../output.ts';

interface KeyFileOptions {
  file: string;
  sealKey: string;
}

interface CreateOptions extends KeyFileOptions {
  usage: string;
  hsmSocket?: string;
  label?: string;
}

/** The key, or where it is. */
type HeldKey = Pick<OwnedKey, 'heldBy' | 'material'>;

/** `kaap xki block|unblock`: the kill switch; `kaap xki key …`: the keys of an owner's proxy. */
export function registerXki(program: Command): void {
  const xki = program
    .command('xki')
    .description('keys that are held elsewhere: the kill switch, and the keys of xki-proxy');
  xki
    .command('block')
    .description('stop every use of a key or instance (External, Hardware) with the next call')
    .argument('<instance|key>', 'id of an instance (kst-…), or id or alias of a key')
    .option('--reason <text>', 'is shown to whoever is refused', '')
    .action((name: string, { reason }: { reason: string }) => switchUse('BlockKeyUse', name, { Reason: reason }));
  xki
    .command('unblock')
    .description('lift a block')
    .argument('<instance|key>', 'as it was blocked')
    .action((name: string) => switchUse('UnblockKeyUse', name, {}));
  registerKeys(xki.command('key').description('keys of xki-proxy in a sealed file'));
}

/** The parameters of the two actions that name what is meant. */
export function subjectOf(name: string): Record<string, string> {
  return name.startsWith('kst-') ? { KmsInstanceId: name } : { KeyId: name };
}

async function switchUse(action: string, name: string, parameters: Record<string, string>): Promise<void> {
  await withClient((client) => client.call('Kms', action, { ...subjectOf(name), ...parameters }));
  standardOutput.line(`${name} is ${action === 'BlockKeyUse' ? 'blocked' : 'no longer blocked'}.`);
}

function registerKeys(keys: Command): void {
  const command = (name: string, description: string): Command =>
    keys
      .command(name)
      .description(description)
      .requiredOption('--file <file>', 'the sealed file')
      .requiredOption('--seal-key <file>', 'its seal key: 32 bytes as base64');
  command('create', 'make an AES-256 key')
    .argument('<id>')
    .option('--usage <usages>', 'ENCRYPT,DECRYPT, one of them, or nothing', 'ENCRYPT,DECRYPT')
    .option('--hsm-socket <socket>', 'of the hsm process: the key is in its token, and the file says where')
    .option(
      '--label <label>',
      'of the key in the token, which is taken as it is when it is there; kaap-xki-<id> unless given',
    )
    .action(async (id: string, options: CreateOptions) => {
      assertKeyId(id);
      const held = options.hsmSocket === undefined ? { material: randomBytes(32) } : await keyInHsm(id, options);
      await changeKeys(options, (known) => addKey(known, id, options.usage, held));
    });
  for (const [name, status] of [
    ['enable', 'ENABLED'],
    ['disable', 'DISABLED'],
  ] as const) {
    command(name, `set the state of a key to ${status}; the proxy notices within a second`)
      .argument('<id>')
      .action((id: string, options: KeyFileOptions) => changeKeys(options, (known) => setStatus(known, id, status)));
  }
  command('list', 'show the keys').action(async (options: KeyFileOptions) => {
    const known = await readKeyFile(options.file, await readSealKey(options.sealKey));
    const rows = known.map(({ id, status, usage }) => [id, status, usage.join(',')]);
    for (const line of table([['ID', 'STATUS', 'USAGE'], ...rows])) standardOutput.line(line);
  });
}

/** The key in the token with this label: what of it goes into the file. */
async function keyInHsm(id: string, { hsmSocket = '', label }: CreateOptions): Promise<HeldKey> {
  const client = new HsmClient({ socket: hsmSocket });
  const provider = new Pkcs11Provider({ clients: new Map([['xki', client]]), random: randomBytes });
  try {
    const { bytes } = await provider.namedKey('xki', label ?? `kaap-xki-${id}`);
    return { heldBy: 'hsm', material: bytes };
  } finally {
    await client.close();
  }
}

async function changeKeys(options: KeyFileOptions, change: (keys: readonly OwnedKey[]) => OwnedKey[]): Promise<void> {
  const sealKey = await readSealKey(options.sealKey);
  await writeKeyFile(options.file, sealKey, change(await readKeyFile(options.file, sealKey)));
}

const usages = ['ENCRYPT', 'DECRYPT'] as const;

function assertKeyId(id: string): void {
  if (!/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/.test(id)) throw new ConfigError('An id has letters, digits and . _ -.');
}

function addKey(keys: readonly OwnedKey[], id: string, usageText: string, held: HeldKey): OwnedKey[] {
  if (keys.some((key) => key.id === id)) throw new ConfigError(`There is a key ${id} already.`);
  const usage = usages.filter((name) => usageText.split(',').includes(name));
  return [...keys, { id, status: 'ENABLED', usage, ...held }];
}

function setStatus(keys: readonly OwnedKey[], id: string, status: OwnedKey['status']): OwnedKey[] {
  if (!keys.some((key) => key.id === id)) throw new ConfigError(`There is no key ${id}. kaap xki key list shows them.`);
  return keys.map((key) => (key.id === id ? { ...key, status } : key));
}
