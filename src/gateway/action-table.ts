import { productVersions, type Action, type AnyAction } from '../ports/action.ts';

/** Finds actions by API version and name, the same for every protocol. */
export interface ActionTable {
  /** `undefined` when no product has that version. */
  product(version: string): Action['product'] | undefined;
  /** `undefined` when the product has no such action. */
  find(product: Action['product'], name: string): AnyAction | undefined;
}

/** Builds the table. Throws when two rows claim one name: a call must have one meaning. */
export function createActionTable(actions: readonly AnyAction[]): ActionTable {
  const rows = new Map<string, AnyAction>();
  for (const action of actions) {
    const key = `${action.product}\n${action.name}`;
    if (rows.has(key)) throw new Error(`The action ${action.product} ${action.name} is in the table twice.`);
    rows.set(key, action);
  }
  const products = new Map(
    Object.entries(productVersions).map(([product, version]) => [version, product as Action['product']]),
  );
  return {
    product: (version) => products.get(version),
    find: (product, name) => rows.get(`${product}\n${name}`),
  };
}
