import { z } from 'zod';
import { defineAction, type AnyAction } from '../ports/action.ts';
import { sharedScope } from './dependencies.ts';

/** What the operator of the service may have done to all keys at once. */
export interface ServiceControl {
  /** A new root key over the keyring. */
  rotateRoot(): Promise<void>;
  /** A new data-encryption key for later writes; gives its number. */
  rotateStorageKey(): Promise<number>;
  /** Seals every replica until somebody with access to the store unseals them. */
  seal(): Promise<void>;
}

const nothing = z.object({});

/** Name → work. Actions of Kaap's own: Alibaba Cloud does this itself. */
const works: Readonly<Record<string, (control: ServiceControl) => Promise<Record<string, unknown>>>> = {
  RotateRootKey: async (control) => {
    await control.rotateRoot();
    return {};
  },
  RotateStorageKey: async (control) => ({ StorageKeyNumber: await control.rotateStorageKey() }),
  SealService: async (control) => {
    await control.seal();
    return {};
  },
};

/** The actions by which the service itself is looked after. Each needs a permission of its name, on `*`. */
export function createServiceActions(control: ServiceControl): AnyAction[] {
  return Object.entries(works).map(([name, work]) =>
    defineAction({
      name,
      product: 'Kms',
      input: nothing,
      plan: () => ({
        access: [{ action: `kms:${name}`, resource: '*', scope: sharedScope }],
        run: () => work(control),
      }),
    }),
  );
}
