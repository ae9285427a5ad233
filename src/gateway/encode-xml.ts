const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\r': '&#13;',
};

/** Characters that XML 1.0 §2.2 does not admit, not even as references. */
const inadmissible = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;
const nameCharacter = /[^A-Za-z0-9_.-]/g;

function escapeText(text: string): string {
  return text.replace(inadmissible, '\uFFFD').replace(/[&<>"'\r]/g, (character) => escapes[character] ?? character);
}

function scalarText(value: unknown): string {
  return typeof value === 'string' ? escapeText(value) : escapeText(String(value));
}

function elementName(name: string): string {
  const safe = name.replace(nameCharacter, '_');
  return /^[A-Za-z_]/.test(safe) ? safe : `_${safe}`;
}

function element(name: string, value: unknown): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) return value.map((item) => element(name, item)).join('');
  const tag = elementName(name);
  return `<${tag}>${typeof value === 'object' ? children(value) : scalarText(value)}</${tag}>`;
}

function children(value: object): string {
  return Object.entries(value)
    .map(([name, item]) => element(name, item))
    .join('');
}

/** An XML document of one element. A list becomes that many elements of one name, as the RPC gateway writes it. */
export function encodeXml(root: string, value: object): string {
  return `<?xml version="1.0" encoding="UTF-8"?>${element(root, value)}`;
}
