import { uuidV4 } from '../crypto/uuid.ts';
import { ApiError } from '../lib/errors.ts';
import type { KeyMaterial, KeyPlacement, KeyProvider } from '../ports/key-provider.ts';
import type { Store } from '../ports/store.ts';
import type { KmsDependencies } from './dependencies.ts';
import { KeyUses } from './key-uses.ts';

/**
 * The dependencies of one dry run: an action that works with them finds what it would find, fails as it would fail, and
 * leaves nothing behind. `store` is one that forgets what is written.
 *
 * What only others could tell is not asked: a rotation hook sets nothing, and an HSM makes, takes and destroys no key. With
 * keys that are there HSM and proxy do their work, and the answer is thrown away.
 */
export function rehearsalOf(dependencies: KmsDependencies, store: Store): KmsDependencies {
  const { rotationHook } = dependencies;
  const providers = Object.values(dependencies.providers).map((provider) => [
    provider.kind,
    provider.destroy === undefined ? provider : withoutMaking(provider, dependencies),
  ]);
  return {
    ...dependencies,
    store,
    providers: Object.fromEntries(providers),
    uses: new KeyUses(store),
    ownChanges: { note: () => undefined },
    // Nothing is waited for.
    closing: AbortSignal.abort(),
    ...(rotationHook !== undefined && { rotationHook: { apply: () => Promise.resolve() } }),
  };
}

/** A provider whose material lives outside of the store: what is there works, and nothing comes or goes. */
function withoutMaking(provider: KeyProvider, { random }: Pick<KmsDependencies, 'random'>): KeyProvider {
  const unmade = async (keySpec: string, scope: string, versionId = uuidV4(random)): Promise<KeyMaterial> => {
    const problem = await provider.problem?.(scope);
    if (problem !== undefined) throw new ApiError('Rejected.Unavailable', problem);
    return { versionId, keySpec, bytes: Buffer.alloc(0) };
  };
  return {
    kind: provider.kind,
    generate: (keySpec: string, placement?: KeyPlacement) => unmade(keySpec, placement?.scope ?? ''),
    ...(provider.importMaterial !== undefined && {
      importMaterial: (keySpec, _bytes, { scope }, versionId) => unmade(keySpec, scope, versionId),
    }),
    encrypt: (material, plaintext, aad) => provider.encrypt(material, plaintext, aad),
    decrypt: (material, parts, aad) => provider.decrypt(material, parts, aad),
    signDigest: (material, algorithm, digest) => provider.signDigest(material, algorithm, digest),
    verifyDigest: (material, algorithm, digest, signature) =>
      provider.verifyDigest(material, algorithm, digest, signature),
    decryptAsymmetric: (material, algorithm, ciphertext) => provider.decryptAsymmetric(material, algorithm, ciphertext),
    publicKey: (material) => provider.publicKey(material),
    mac: (material, message) => provider.mac(material, message),
    forget: () => undefined,
    destroy: () => Promise.resolve(),
    problem: (scope, material) => provider.problem?.(scope, material) ?? Promise.resolve(undefined),
  };
}
