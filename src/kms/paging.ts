import type { z } from 'zod';
import { integer, withDefault } from './parameters.ts';

/** Which page a caller asks for. */
export interface Page {
  PageNumber: number;
  PageSize: number;
}

/** The two paging parameters. `defaultSize` is 10 or 20, depending on the action. */
export function pageParameters(defaultSize: number): { PageNumber: z.ZodType<number>; PageSize: z.ZodType<number> } {
  return {
    PageNumber: withDefault(integer(1, 1_000_000), 1),
    PageSize: withDefault(integer(1, 100), defaultSize),
  };
}

/** The items of a page and the fields that describe it. A page beyond the end is empty. */
export function pageOf<T>(items: readonly T[], page: Page): { items: T[]; fields: Page & { TotalCount: number } } {
  const from = (page.PageNumber - 1) * page.PageSize;
  return {
    items: items.slice(from, from + page.PageSize),
    fields: { PageNumber: page.PageNumber, PageSize: page.PageSize, TotalCount: items.length },
  };
}
