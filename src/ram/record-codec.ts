import type { z } from 'zod';

/** The bytes of a record as the store holds it: JSON in UTF-8. */
export function encodeRecord(record: object): Buffer {
  return Buffer.from(JSON.stringify(record), 'utf8');
}

/** Reads a record of the store. Throws when it has not the shape that was written, which only damage can cause. */
export function decodeRecord<Record>(schema: z.ZodType<Record>, stored: { value: Uint8Array }): Record {
  return schema.parse(JSON.parse(Buffer.from(stored.value).toString('utf8')));
}
