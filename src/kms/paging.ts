import type { z } from 'zod';
import type { Store } from '../ports/store.ts';
import { integer, withDefault } from './parameters.ts';
import type { Reader, RecordTable } from './records/record-table.ts';

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

/** What a list action gives of a table. */
export interface TablePage<T> {
  items: { key: string; record: T }[];
  fields: Page & { TotalCount: number };
}

/**
 * The page of a table's records, in the order of their keys, but those of `hidden`. All keys go by, to be counted; only the
 * records of the page are opened.
 */
export async function pageOfTable<T extends object>(
  table: RecordTable<T>,
  store: Store,
  { PageNumber, PageSize }: Page,
  hidden: ReadonlySet<string> = new Set(),
): Promise<TablePage<T>> {
  const from = (PageNumber - 1) * PageSize;
  const keys: string[] = [];
  let count = 0;
  for await (const page of table.keyPages(store)) {
    for (const key of page) {
      if (hidden.has(key)) continue;
      if (count >= from && count < from + PageSize) keys.push(key);
      count += 1;
    }
  }
  const records = await Promise.all(keys.map((key) => table.get(store, key)));
  const items = keys.flatMap((key, index) => {
    const record = records[index];
    // One that was deleted since is not there any more.
    return record === undefined ? [] : [{ key, record }];
  });
  return { items, fields: { PageNumber, PageSize, TotalCount: count } };
}

/** The page of those records that pass `matches`, for which every one is opened. */
export async function pageOfMatches<T extends object>(
  table: RecordTable<T>,
  reader: Reader,
  { PageNumber, PageSize }: Page,
  matches: (record: T) => boolean,
): Promise<TablePage<T>> {
  const from = (PageNumber - 1) * PageSize;
  const items: TablePage<T>['items'] = [];
  let count = 0;
  for await (const { key, read } of table.each(reader)) {
    const record = read();
    if (!matches(record)) continue;
    if (count >= from && count < from + PageSize) items.push({ key, record });
    count += 1;
  }
  return { items, fields: { PageNumber, PageSize, TotalCount: count } };
}
