import { randomBytes } from 'node:crypto';
import type { Attribute, Handle } from 'pkcs11js';
import { LRUCache } from 'lru-cache';
import { hsmStatus } from '../providers/pkcs11-frames.ts';
import { hsmRow, unwrappedTemplate, wrappingRecipe } from './key-templates.ts';
import type { HsmMaterial } from './material.ts';
import type { OpenToken } from './module.ts';
import { TokenError } from './token-error.ts';

const idBytes = 16;
const maxHandles = 20_000;

/**
 * Handles of keys, found once. A lookup goes through every object of the token (43 ms at a thousand keys in SoftHSM2), so
 * the objects are listed when the process starts, and none is looked for again.
 */
export class KeyHandles {
  readonly #token: OpenToken;
  /** Objects that are unwrapped live as long as this session. */
  readonly #session: Handle;
  readonly #objects = new Map<string, Handle>();
  readonly #wrapping = new Map<string, string>();
  readonly #unwrapped: LRUCache<string, Handle>;

  constructor(token: OpenToken, session: Handle) {
    this.#token = token;
    this.#session = session;
    this.#unwrapped = new LRUCache({
      max: maxHandles,
      dispose: (handle) => this.#token.library.C_DestroyObject(this.#session, handle),
    });
    this.#list();
  }

  /** The handle of a key. Throws `notFound` when the token does not have it. */
  of(material: HsmMaterial): Handle {
    return material.wrapped === undefined ? this.#object(material.id) : this.#unwrap(material, material.wrapped);
  }

  /** Forgets a handle that the token does not know any more. */
  drop({ id, wrapped }: HsmMaterial): void {
    if (wrapped === undefined) this.#objects.delete(id);
    else this.#unwrapped.delete(wrapped);
  }

  add(id: Buffer, handle: Handle): void {
    this.#objects.set(id.toString('hex'), handle);
  }

  /** The one key of an instance that wraps its others; made when there is none. Gives its id. */
  wrappingKey(instance: string): string {
    const label = `kaap-kek-${instance}`;
    const known = this.#wrapping.get(label);
    if (known !== undefined) return known;
    const { binding, library } = this.#token;
    const id = randomBytes(idBytes);
    const { mechanism, template } = wrappingRecipe(binding, id, label);
    this.add(id, library.C_GenerateKey(this.#session, mechanism, template));
    this.#wrapping.set(label, id.toString('hex'));
    return id.toString('hex');
  }

  wrap(kekId: string, key: Handle): Buffer {
    const { binding, library } = this.#token;
    const mechanism = { mechanism: binding.CKM_AES_KEY_WRAP_PAD };
    return library.C_WrapKey(this.#session, mechanism, this.#object(kekId), key, Buffer.alloc(8192));
  }

  #unwrap(material: HsmMaterial, wrapped: string): Handle {
    const known = this.#unwrapped.get(wrapped);
    if (known !== undefined) return known;
    const { binding, library } = this.#token;
    const handle = library.C_UnwrapKey(
      this.#session,
      { mechanism: binding.CKM_AES_KEY_WRAP_PAD },
      this.#object(material.id),
      Buffer.from(wrapped, 'base64'),
      unwrappedTemplate(binding, hsmRow(material.spec), Buffer.alloc(idBytes)),
    );
    this.#unwrapped.set(wrapped, handle);
    return handle;
  }

  #object(id: string): Handle {
    const handle = this.#objects.get(id) ?? this.#find(id);
    if (handle !== undefined) return handle;
    const message = 'The token does not have the key any more. Was it initialised again? Restore it from its backup.';
    throw new TokenError(hsmStatus.notFound, message);
  }

  /** For keys that another replica's process made since this one started. */
  #find(id: string): Handle | undefined {
    const { binding, library } = this.#token;
    const template: Attribute[] = [{ type: binding.CKA_ID, value: Buffer.from(id, 'hex') }];
    library.C_FindObjectsInit(this.#session, template);
    const [handle] = library.C_FindObjects(this.#session, 1);
    library.C_FindObjectsFinal(this.#session);
    if (handle !== undefined) this.#objects.set(id, handle);
    return handle;
  }

  #list(): void {
    const { binding, library } = this.#token;
    library.C_FindObjectsInit(this.#session, [{ type: binding.CKA_TOKEN, value: true }]);
    const handles: Handle[] = [];
    for (let found = library.C_FindObjects(this.#session, 1000); found.length > 0;) {
      handles.push(...found);
      found = library.C_FindObjects(this.#session, 1000);
    }
    library.C_FindObjectsFinal(this.#session);
    for (const handle of handles) {
      const [id, label] = library.C_GetAttributeValue(this.#session, handle, [
        { type: binding.CKA_ID },
        { type: binding.CKA_LABEL },
      ]);
      const hex = (id?.value as Buffer | undefined)?.toString('hex') ?? '';
      const name = (label?.value as Buffer | undefined)?.toString('utf8') ?? '';
      if (hex !== '') this.#objects.set(hex, handle);
      if (name.startsWith('kaap-kek-')) this.#wrapping.set(name, hex);
    }
  }
}

/** A new CKA_ID. */
export function newObjectId(): Buffer {
  return randomBytes(idBytes);
}
