import { randomBytes } from 'node:crypto';
import type { Attribute, Handle, Mechanism } from 'pkcs11js';
import { LRUCache } from 'lru-cache';
import { hsmStatus } from '../providers/pkcs11-frames.ts';
import { hsmRow, unwrappedTemplate, wrappingRecipe } from './key-templates.ts';
import type { HsmMaterial } from './material.ts';
import type { OpenToken } from './module.ts';
import { copyErrorOf, returnValueOf, returnValues, TokenError } from './token-error.ts';
import { WorkingCopies } from './working-copies.ts';

const idBytes = 16;
const maxHandles = 20_000;
/** About 2 ms of SoftHSM2. */
const idsPerTurn = 16;

/**
 * Handles of keys, found once. A lookup goes through every object of the token (43 ms at a thousand keys in SoftHSM2), so
 * the objects are found when the process starts. Their ids are read a few at a time while it serves already, and all the
 * rest as soon as one is asked for that is not known yet.
 */
export class KeyHandles {
  readonly #token: OpenToken;
  /** Objects that are unwrapped live as long as this session. */
  readonly #session: Handle;
  readonly #objects = new Map<string, Handle>();
  /** Label of a key that is one of its kind → its id. */
  readonly #named = new Map<string, string>();
  readonly #unwrapped: LRUCache<string, Handle>;
  readonly #copies: WorkingCopies | undefined;
  /** Found at the start, ids not read yet. */
  readonly #unread: Handle[];

  constructor(token: OpenToken, session: Handle, { copyMs }: { copyMs: number }) {
    this.#token = token;
    this.#session = session;
    const destroy = (handle: Handle): void => this.#destroy(handle);
    this.#unwrapped = new LRUCache({ max: maxHandles, dispose: destroy });
    const copy = (original: Handle): Handle => this.#copy(original);
    this.#copies = copyMs > 0 ? new WorkingCopies({ copy, destroy, maxAgeMs: copyMs }) : undefined;
    this.#unread = this.#search([{ type: token.binding.CKA_TOKEN, value: true }]);
    this.#readOn();
  }

  /** The handle of a key. Throws `notFound` when the token does not have it. */
  of(material: HsmMaterial): Handle {
    const { id, wrapped, spec } = material;
    if (wrapped !== undefined) return this.#unwrap(material, wrapped);
    // What works on threads keeps to its original: a copy may go while a call is under way.
    if (this.#copies === undefined || hsmRow(spec).form === 'asymmetric') return this.#object(id);
    return this.#copies.of(id, () => this.#object(id));
  }

  /** The object of the token itself, for what is to be done to it. */
  original({ id }: HsmMaterial): Handle {
    return this.#object(id);
  }

  /** Forgets a handle that the token does not know any more. */
  drop({ id, wrapped }: HsmMaterial): void {
    if (wrapped !== undefined) return void this.#unwrapped.delete(wrapped);
    this.#copies?.drop(id);
    this.#objects.delete(id);
  }

  add(id: Buffer, handle: Handle): void {
    this.#objects.set(id.toString('hex'), handle);
  }

  /** The one key of an instance that wraps its others; made when there is none. Gives its id. */
  wrappingKey(instance: string): string {
    const { mechanism, template } = wrappingRecipe(this.#token.binding, newObjectId());
    return this.named(`kaap-kek-${instance}`, mechanism, template);
  }

  /** The secret key with a label; made by this recipe when the token has none. Gives its id. */
  named(label: string, mechanism: Mechanism, template: readonly Attribute[]): string {
    const known = this.#named.get(label) ?? this.#findNamed(label) ?? this.#makeNamed(label, mechanism, template);
    this.#named.set(label, known);
    return known;
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

  #copy(original: Handle): Handle {
    const { binding, library } = this.#token;
    try {
      return library.C_CopyObject(this.#session, original, [{ type: binding.CKA_TOKEN, value: false }]);
    } catch (error) {
      throw copyErrorOf(error);
    }
  }

  /** One that the token does not know any more is gone already. */
  #destroy(handle: Handle): void {
    try {
      this.#token.library.C_DestroyObject(this.#session, handle);
    } catch (error) {
      if (returnValueOf(error) !== returnValues.objectHandleInvalid) throw error;
    }
  }

  #object(id: string): Handle {
    const handle = this.#objects.get(id) ?? this.#readUntil(id) ?? this.#find(id);
    if (handle !== undefined) return handle;
    const message = 'The token does not have the key any more. Was it initialised again? Restore it from its backup.';
    throw new TokenError(hsmStatus.notFound, message);
  }

  /** For keys that another replica's process made since this one started. */
  #find(id: string): Handle | undefined {
    const [handle] = this.#search([{ type: this.#token.binding.CKA_ID, value: Buffer.from(id, 'hex') }]);
    if (handle !== undefined) this.#objects.set(id, handle);
    return handle;
  }

  /** Two processes may have made one each: the lower id is the key, for both. */
  #findNamed(label: string): string | undefined {
    const { binding } = this.#token;
    const found = this.#search([
      { type: binding.CKA_LABEL, value: Buffer.from(label) },
      { type: binding.CKA_CLASS, value: binding.CKO_SECRET_KEY },
    ]);
    const ids = found.map((handle) => ({ handle, id: this.#idOf(handle) })).filter(({ id }) => id !== '');
    const [first] = ids.toSorted((one, other) => (one.id < other.id ? -1 : 1));
    if (first === undefined) return undefined;
    this.#objects.set(first.id, first.handle);
    return first.id;
  }

  #makeNamed(label: string, mechanism: Mechanism, template: readonly Attribute[]): string {
    const { binding, library } = this.#token;
    const labelled = template.filter(({ type }) => type !== binding.CKA_LABEL);
    const handle = library.C_GenerateKey(this.#session, mechanism, [
      ...labelled,
      { type: binding.CKA_LABEL, value: label },
    ]);
    const id = this.#idOf(handle);
    this.#objects.set(id, handle);
    return id;
  }

  #idOf(handle: Handle): string {
    const { binding, library } = this.#token;
    const [id] = library.C_GetAttributeValue(this.#session, handle, [{ type: binding.CKA_ID }]);
    return id?.value?.toString('hex') ?? '';
  }

  #search(template: Attribute[]): Handle[] {
    const { library } = this.#token;
    const handles: Handle[] = [];
    library.C_FindObjectsInit(this.#session, template);
    for (let found = library.C_FindObjects(this.#session, 1000); found.length > 0;) {
      handles.push(...found);
      found = library.C_FindObjects(this.#session, 1000);
    }
    library.C_FindObjectsFinal(this.#session);
    return handles;
  }

  /** Reads ids in pieces that no request notices. */
  #readOn(): void {
    if (this.#unread.length === 0) return;
    this.#read(idsPerTurn);
    setTimeout(() => this.#readOn(), 1).unref();
  }

  #readUntil(id: string): Handle | undefined {
    while (this.#unread.length > 0 && !this.#objects.has(id)) this.#read(idsPerTurn);
    return this.#objects.get(id);
  }

  #read(count: number): void {
    for (const handle of this.#unread.splice(-count)) {
      const id = this.#readableIdOf(handle);
      if (id !== '') this.#objects.set(id, handle);
    }
  }

  /** Empty for an object that was destroyed since it was found. */
  #readableIdOf(handle: Handle): string {
    try {
      return this.#idOf(handle);
    } catch (error) {
      if (returnValueOf(error) !== returnValues.objectHandleInvalid) throw error;
      return '';
    }
  }
}

/** A new CKA_ID. */
export function newObjectId(): Buffer {
  return randomBytes(idBytes);
}
