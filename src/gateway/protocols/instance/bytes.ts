/** A message of this protocol, or the parameters and answers of an action: fields by name. */
export type Fields = Record<string, unknown>;

/** Bytes of a message as an action takes them. */
export function base64(value: unknown): string {
  return Buffer.from(value as Uint8Array).toString('base64');
}

/** Bytes that an action answered, as a message has them. */
export function unbase64(value: unknown): Buffer {
  return Buffer.from(typeof value === 'string' ? value : '', 'base64');
}

/** Whether bytes or text are absent, which proto3 does not tell from empty. */
export function isEmpty(value: unknown): boolean {
  return value === undefined || (value as Uint8Array | string).length === 0;
}

/** The field as a parameter of an action, unless it is absent. */
export function given(request: Fields, name: string): Fields {
  return isEmpty(request[name]) ? {} : { [name]: request[name] };
}
