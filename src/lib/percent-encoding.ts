const reserved = /[!'()*]/g;
const plain = /^[A-Za-z0-9\-._~]*$/;

function escapeReserved(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** Percent-encodes everything but the unreserved characters of RFC 3986 §2.3. Throws URIError on a lone surrogate. */
export function percentEncode(text: string): string {
  if (plain.test(text)) return text;
  return encodeURIComponent(text).replace(reserved, escapeReserved);
}

/** Decodes a part of `application/x-www-form-urlencoded`: `+` is a space. Throws URIError when it is not UTF-8. */
export function formDecode(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  return spaced.includes('%') ? decodeURIComponent(spaced) : spaced;
}
