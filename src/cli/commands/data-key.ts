import type { Command } from 'commander';
import { withClient } from '../connection.ts';
import { standardOutput, table } from '../output.ts';

type Fields = Record<string, unknown>;

/** Most versions of a data key, and so one page of them. */
const pageSize = 100;

/** `kaap data-key create|rotate|get|list|versions|delete|restore`: data keys that KMS keeps under a key of its own. */
export function registerDataKey(program: Command): void {
  const dataKey = program.command('data-key').description('managed data keys: kept by KMS, encrypted under a key');
  const command = (name: string, description: string): Command =>
    dataKey.command(name).description(description).argument('<name>', 'such as shop/files');
  command('create', 'make a data key with its first version')
    .requiredOption('--key <key>', 'id or alias of the symmetric key that encrypts it')
    .option('--bytes <count>', 'its length, 1 to 1024: 32 unless given')
    .action((name: string, { key, bytes }: { key: string; bytes?: string }) =>
      show('CreateManagedDataKey', { DataKeyName: name, KeyId: key, NumberOfBytes: bytes }, madeLine),
    );
  command('rotate', 'make a new version; those before stay readable').action((name: string) =>
    show('CreateManagedDataKeyVersion', { DataKeyName: name }, madeLine),
  );
  command('get', 'print a version as base64: the latest unless told otherwise')
    .option('--version-id <id>', 'of the version, as kaap data-key versions shows it')
    .action((name: string, { versionId }: { versionId?: string }) =>
      show('GetManagedDataKey', { DataKeyName: name, DataKeyVersionId: versionId, UseLatest: true }, (answer) =>
        String(answer['Plaintext']),
      ),
    );
  command('versions', 'show the versions, oldest first').action((name: string) => showVersions(name));
  dataKey.command('list').description('show the data keys, and which key encrypts each').action(showAll);
  command('delete', 'delete a data key: what it has encrypted is lost then')
    .option('--days <days>', 'until it is gone, 7 to 30: 30 unless given')
    .option('--force', 'at once')
    .action((name: string, { days, force }: { days?: string; force?: boolean }) =>
      show(
        'DeleteManagedDataKey',
        { DataKeyName: name, RecoveryWindowInDays: days, ForceDeleteWithoutRecovery: force },
        (answer) => `${name} is gone from ${String(answer['PlannedDeleteTime'])} on.`,
      ),
    );
  command('restore', 'keep a data key that is about to be deleted').action((name: string) =>
    show('RestoreManagedDataKey', { DataKeyName: name }, () => `${name} stays.`),
  );
}

function madeLine({ DataKeyName, DataKeyVersionId }: Fields): string {
  return `${String(DataKeyName)} has the version ${String(DataKeyVersionId)}.`;
}

async function show(action: string, parameters: Fields, lineOf: (answer: Fields) => string): Promise<void> {
  standardOutput.line(lineOf(await withClient((client) => client.call('Kms', action, given(parameters)))));
}

/** Without what was not given. */
function given(parameters: Fields): Fields {
  return Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== undefined));
}

async function showVersions(name: string): Promise<void> {
  const parameters = { DataKeyName: name, PageSize: pageSize };
  const answer = await withClient((client) => client.call('Kms', 'ListManagedDataKeyVersions', parameters));
  const { ManagedDataKeyVersion } = answer['ManagedDataKeyVersions'] as { ManagedDataKeyVersion: Fields[] };
  for (const { DataKeyVersionId } of ManagedDataKeyVersion) standardOutput.line(String(DataKeyVersionId));
}

async function showAll(): Promise<void> {
  const rows = await withClient(async (client) => {
    const found: string[][] = [];
    for (let PageNumber = 1, size = pageSize; size === pageSize; PageNumber += 1) {
      const answer = await client.call('Kms', 'ListManagedDataKeys', { PageNumber, PageSize: pageSize });
      const { ManagedDataKey } = answer['ManagedDataKeys'] as { ManagedDataKey: Fields[] };
      size = ManagedDataKey.length;
      found.push(...ManagedDataKey.map(rowOf));
    }
    return found;
  });
  const lines = table([['NAME', 'VERSIONS', 'KEY', 'CREATED', 'DELETED FROM'], ...rows]);
  lines.forEach((line) => standardOutput.line(line));
}

function rowOf({ DataKeyName, VersionCount, KeyId, CreateTime, PlannedDeleteTime }: Fields): string[] {
  return [DataKeyName, VersionCount, KeyId, CreateTime, PlannedDeleteTime === '' ? '-' : PlannedDeleteTime].map(String);
}
