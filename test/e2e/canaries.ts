import { randomBytes } from 'node:crypto';

/** A value that occurs nowhere else, with bytes that tempt shells and templates. */
export function canary(): string {
  return `canary-${randomBytes(12).toString('hex')}-$(HOME) "double" \\ ü\n\tsecond line`;
}

/** The forms in which a value could hide: as it is, base64 at any alignment, hex, reversed, JSON-escaped. */
export function disguises(value: string): { form: string; bytes: Buffer }[] {
  const core = /canary-[0-9a-f]{24}|^[A-Za-z0-9_-]{20,}$/.exec(value)?.[0] ?? value;
  const bytes = Buffer.from(core, 'utf8');
  const aligned = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    // The first and last characters also depend on the neighbours.
    return { form: `base64+${shift}`, bytes: Buffer.from(text.slice(4, -4)) };
  });
  return [
    { form: 'plain', bytes },
    { form: 'reversed', bytes: Buffer.from(bytes.toReversed()) },
    { form: 'hex', bytes: Buffer.from(bytes.toString('hex')) },
    { form: 'utf16', bytes: Buffer.from(core, 'utf16le') },
    { form: 'reversed base64', bytes: Buffer.from(Buffer.from(bytes.toString('base64').slice(4, -4)).toReversed()) },
    ...aligned,
  ];
}
