/** Makes an object, and every object and list within it, unchangeable: what many share, none of them may change. */
export function frozen<T extends object>(object: T): T {
  for (const value of Object.values(object) as unknown[]) {
    if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !Object.isFrozen(value)) {
      frozen(value);
    }
  }
  return Object.freeze(object);
}
