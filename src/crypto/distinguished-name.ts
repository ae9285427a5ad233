import type { DistinguishedName, NameAttribute } from './certificate.ts';

/** A name that cannot be read, or says what no certificate may. The message completes "It must …" or stands alone. */
export class NameError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NameError';
  }
}

/** Spelling in upper case → attribute (RFC 4514 §3, and what OpenSSL writes). */
const spellings: ReadonlyMap<string, NameAttribute> = new Map([
  ['C', 'C'],
  ['ST', 'ST'],
  ['S', 'ST'],
  ['L', 'L'],
  ['O', 'O'],
  ['OU', 'OU'],
  ['CN', 'CN'],
  ['E', 'E'],
  ['EMAIL', 'E'],
  ['EMAILADDRESS', 'E'],
]);

/** Most characters of a value (RFC 5280, Appendix A.1, upper bounds). */
const maxLengths: Readonly<Record<NameAttribute, number>> = { C: 2, ST: 128, L: 128, O: 64, OU: 64, CN: 64, E: 255 };

const patterns: Readonly<Partial<Record<NameAttribute, RegExp>>> = {
  C: /^[A-Z]{2}$/,
  E: /^[\x21-\x7e]+@[\x21-\x7e]+$/,
};

/**
 * Reads a name as RFC 2253 and RFC 4514 write it, the most specific attribute first: `CN=shop,OU=web,O=Example,C=DE`.
 * Gives it as certificates hold it, the most general attribute first. Multi-valued parts (`+`) and values in hexadecimal
 * (`#`) are refused, and so are attributes that {@link NameAttribute} does not have.
 *
 * @throws NameError, which never repeats a value.
 */
export function parseDistinguishedName(text: string): DistinguishedName {
  const parts = splitUnescaped(text).map(parsePart);
  return parts.toReversed();
}

/** Cuts at the commas that no backslash and no quotation mark protects. */
function splitUnescaped(text: string): string[] {
  const parts: string[] = [];
  let part = '';
  let isQuoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '\\') {
      part += character + text.charAt(at + 1);
      at += 1;
    } else if (character === ',' && !isQuoted) {
      parts.push(part);
      part = '';
    } else {
      if (character === '"') isQuoted = !isQuoted;
      part += character;
    }
  }
  if (isQuoted) throw new NameError('A quotation mark is not closed.');
  return [...parts, part];
}

function parsePart(part: string): readonly [NameAttribute, string] {
  const equals = part.indexOf('=');
  const attribute = spellings.get(part.slice(0, Math.max(equals, 0)).trim().toUpperCase());
  if (attribute === undefined) {
    throw new NameError('Write attribute=value, with the attributes C, ST, L, O, OU, CN and E, and commas between.');
  }
  const value = readValue(trimUnescaped(part.slice(equals + 1)));
  const { length } = value;
  if (length === 0 || length > maxLengths[attribute] || patterns[attribute]?.test(value) === false) {
    throw new NameError(
      `The value of ${attribute} must be ${attribute === 'C' ? 'the two letters of a country' : `1 to ${maxLengths[attribute]} characters`}.`,
    );
  }
  return [attribute, value];
}

/** Without the spaces around it; a last one that a backslash protects stays. Other white space belongs to the value. */
function trimUnescaped(written: string): string {
  const started = written.replace(/^ +/, '');
  const trimmed = started.replace(/ +$/, '');
  return /(?<!\\)(\\\\)*\\$/.test(trimmed) && started.length > trimmed.length ? `${trimmed} ` : trimmed;
}

/** Takes the quotation marks and backslashes away (RFC 2253 §4, RFC 4514 §2.4). */
function readValue(written: string): string {
  const quoted = /^"((?:[^"\\]|\\.)*)"$/s.exec(written);
  const body = quoted?.[1] ?? written;
  if (quoted === null && hasBareSpecial(written)) {
    throw new NameError('Write a backslash before each of "+;<> and a leading #; + does not join attributes here.');
  }
  const bytes: Buffer[] = [];
  for (const [piece, hex, escaped] of body.matchAll(/\\([0-9A-Fa-f]{2})|\\(.)|[^\\]+/gs)) {
    bytes.push(hex === undefined ? Buffer.from(escaped ?? piece, 'utf8') : Buffer.from(hex, 'hex'));
  }
  const value = Buffer.concat(bytes);
  const text = value.toString('utf8');
  // Control characters have no place in a name; bytes that are no UTF-8 do not come back as they were.
  if (/\p{Cc}/u.test(text) || !Buffer.from(text, 'utf8').equals(value)) {
    throw new NameError('A value holds control characters or bytes that are not UTF-8.');
  }
  return text;
}

function hasBareSpecial(written: string): boolean {
  return /^#|["+;<>]/.test(written.replaceAll(/\\./gs, '_'));
}

/** Writes a name as RFC 4514 does, the most specific attribute first. */
export function formatDistinguishedName(name: DistinguishedName): string {
  return name
    .map(([attribute, value]) => `${attribute}=${escapeValue(value)}`)
    .toReversed()
    .join(',');
}

function escapeValue(value: string): string {
  return value.replaceAll(/[",+;<>\\]/g, String.raw`\$&`).replaceAll(/^[ #]|(?<=.) $/gs, String.raw`\$&`);
}

/** The name that node:crypto writes an attribute a line, as RFC 4514 writes it. The values are escaped already. */
export function nameOfLines(lines: string): string {
  return lines.split('\n').toReversed().join(',');
}
