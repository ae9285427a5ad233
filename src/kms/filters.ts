import { z } from 'zod';
import { json, withDefault } from './parameters.ts';

/** One filter of a list action: the item must have one of the values. */
export interface Filter {
  Key: string;
  Values: string[];
}

/** Filter name → the texts of an item that it is compared with. */
export type FilterTable<T> = Readonly<Record<string, (item: T) => readonly string[]>>;

/** `Filters`: `[{"Key":"KeyState","Values":["Enabled"]}]`, at most ten of at most ten values. None when absent. */
export function filters(keys: readonly string[]): z.ZodType<Filter[]> {
  const filter = z.object({ Key: z.enum(keys), Values: z.array(z.string().max(256)).min(1).max(10) });
  const shape = `a JSON list of {"Key","Values"}, where Key is one of ${keys.join(', ')}`;
  return withDefault(json(z.array(filter).max(10), shape), []);
}

/** Whether the item passes every filter. A value that ends in `*` matches what begins with the text before it. */
export function matches<T>(table: FilterTable<T>, asked: readonly Filter[], item: T): boolean {
  return asked.every(({ Key, Values }) => {
    const texts = table[Key]?.(item) ?? [];
    return Values.some((value) => texts.some((text) => matchesValue(value, text)));
  });
}

function matchesValue(value: string, text: string): boolean {
  return value.endsWith('*') ? text.startsWith(value.slice(0, -1)) : text === value;
}
