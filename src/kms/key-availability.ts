import { ApiError } from '../lib/errors.ts';
import type { KmsDependencies } from './dependencies.ts';
import { blockTable } from './records/block.ts';
import { primaryVersion, type KeyRecord } from './records/key.ts';
import { keyVersionTable } from './records/key-version.ts';

type Dependencies = Pick<KmsDependencies, 'store' | 'providers'>;

/** Whether the kill switch is there for the keys of a provider: those that are held elsewhere. */
function canBeBlocked({ provider }: KeyRecord): boolean {
  return provider !== 'software';
}

async function blockOf({ store }: Pick<KmsDependencies, 'store'>, ...names: string[]): Promise<string | undefined> {
  for (const name of names) {
    const block = await blockTable.get(store, name);
    if (block === undefined) continue;
    const why = block.reason === '' ? '' : ` Reason: ${block.reason}.`;
    return `${name} is blocked by ${block.by}.${why} An administrator lifts it with UnblockKeyUse (kaap xki unblock).`;
  }
  return undefined;
}

/** Refuses a key that is blocked, or whose instance is. Read from the store each time: it counts with the next call. */
export async function assertNotBlocked(dependencies: Pick<KmsDependencies, 'store'>, key: KeyRecord): Promise<void> {
  if (!canBeBlocked(key)) return;
  const block = await blockOf(dependencies, key.scope, key.keyId);
  if (block !== undefined) throw new ApiError('Rejected.Unavailable', block);
}

/** Why an enabled key cannot work now; `undefined` when it can. */
export async function keyProblem(dependencies: Dependencies, key: KeyRecord): Promise<string | undefined> {
  if (!canBeBlocked(key) || key.state !== 'Enabled') return undefined;
  const block = await blockOf(dependencies, key.scope, key.keyId);
  if (block !== undefined) return block;
  const provider = dependencies.providers[key.provider];
  if (provider === undefined) return `The instance ${key.scope} is not configured here.`;
  const versionId = primaryVersion(key)?.id ?? '';
  const version = await keyVersionTable.get(dependencies.store, versionId);
  if (version === undefined) return undefined;
  const material = { versionId, keySpec: version.keySpec, bytes: Buffer.from(version.material, 'base64') };
  return inTime(key.scope, provider.problem?.(key.scope, material));
}

/** Whoever only asks how it is does not wait for a device that hangs. */
const patienceMs = 2000;

async function inTime(scope: string, asked: Promise<string | undefined> | undefined): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    const words = `What holds the keys of the instance ${scope} does not answer. It may be starting; see to it if that lasts.`;
    timer = setTimeout(() => resolve(words), patienceMs);
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Why no key of an instance can work now; `undefined` when they can. */
export async function instanceProblem(
  dependencies: Dependencies,
  id: string,
  kind: KeyRecord['provider'],
): Promise<string | undefined> {
  const provider = dependencies.providers[kind];
  if (provider === undefined) return `The instance ${id} is not configured here.`;
  return (await blockOf(dependencies, id)) ?? (await inTime(id, provider.problem?.(id)));
}
