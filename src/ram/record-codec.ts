import type { z } from 'zod';
import type { Decode } from '../ports/store.ts';

/** The bytes of a record as the store holds it: JSON in UTF-8. */
export function encodeRecord(record: object): Buffer {
  return Buffer.from(JSON.stringify(record), 'utf8');
}

/** Reads records of the store. Throws when one has not the shape that was written, which only damage can cause. */
export function recordDecoder<Record extends object>(schema: z.ZodType<Record>): Decode<Record> {
  return (value) => schema.parse(JSON.parse(Buffer.from(value).toString('utf8')));
}
