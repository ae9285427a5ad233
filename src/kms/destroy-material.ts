import type { KeyMaterial } from '../ports/key-provider.ts';
import type { KmsDependencies } from './dependencies.ts';
import type { KeyRecord } from './records/key.ts';
import { keyVersionTable } from './records/key-version.ts';
import type { Reader } from './records/record-table.ts';

/** Material of every version of a key. */
export async function materialsOf(reader: Pick<Reader, 'get'>, key: KeyRecord): Promise<KeyMaterial[]> {
  const materials: KeyMaterial[] = [];
  for (const { id } of key.versions) {
    const version = await keyVersionTable.get(reader, id);
    if (version === undefined) continue;
    materials.push({ versionId: id, keySpec: version.keySpec, bytes: Buffer.from(version.material, 'base64') });
  }
  return materials;
}

/**
 * Takes the material of a deleted key out of where it lives. The key is gone already: an HSM that cannot be reached now keeps
 * objects that nothing refers to any more.
 */
export async function destroyMaterials(
  { providers }: Pick<KmsDependencies, 'providers'>,
  key: KeyRecord,
  materials: readonly KeyMaterial[],
): Promise<void> {
  const provider = providers[key.provider];
  if (provider?.destroy === undefined) return;
  for (const material of materials) await provider.destroy(material).catch(() => undefined);
}
