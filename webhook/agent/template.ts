import { isUtf8 } from 'node:buffer';
import { parseTemplate, type TemplateFunction, type TemplateValue } from '../../src/api/file-template.ts';
import { SecretBytes } from '../../src/lib/secret-bytes.ts';

/** A value of a template that cannot be made. Ends the sentence "… takes {{ .x }}, "; never holds a value. */
export class TemplateValueError extends Error {}

/** What each function makes of bytes. Pure; those that are about text refuse what is not. */
const functions: Readonly<Record<TemplateFunction, (value: Buffer) => Buffer>> = {
  base64: (value) => Buffer.from(value.toString('base64')),
  json: onText((text) => JSON.stringify(text)),
  urlencode: onText((text) =>
    // RFC 3986, section 2.3: everything but the unreserved characters.
    encodeURIComponent(text).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`),
  ),
  shell: onText((text) => `'${text.replaceAll("'", String.raw`'\''`)}'`),
  xml: onText((text) => text.replaceAll(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)),
  trim: onText((text) => text.trim()),
};

function onText(change: (text: string) => string): (value: Buffer) => Buffer {
  return (value) => {
    if (!isUtf8(value)) throw new TemplateValueError('whose value is not UTF-8 text. Put it through base64.');
    return Buffer.from(change(value.toString('utf8')), 'utf8');
  };
}

/** Finds the bytes of a source, or of a field of it, and gives them to `convert`, whose faults it explains. */
type Lookup = (value: TemplateValue, convert: (bytes: SecretBytes) => Buffer) => Buffer;

/** Makes the text of a template. */
export function renderTemplate(template: string, lookup: Lookup): SecretBytes {
  const pieces = parseTemplate(template).map((part) =>
    'text' in part ? Buffer.from(part.text, 'utf8') : lookup(part, (bytes) => applied(part, bytes)),
  );
  const content = Buffer.concat(pieces);
  for (const piece of pieces) piece.fill(0);
  return new SecretBytes(content);
}

/** A copy: the caller wipes what it is given, and a source may be used again. */
function applied(part: TemplateValue, value: SecretBytes): Buffer {
  let result: Buffer = Buffer.from(value.reveal());
  for (const name of part.functions) {
    const next = functions[name](result);
    result.fill(0);
    result = next;
  }
  if (isUtf8(result)) return result;
  throw new TemplateValueError('whose value is not UTF-8 text. Put it through base64.');
}
