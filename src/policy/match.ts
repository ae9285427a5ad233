/** Tells whether a text matches a pattern. */
export type Matcher = (text: string) => boolean;

/**
 * Compiles a pattern of RAM policies: `*` is any run of characters, also none and also across `/` and `:`; `?` is exactly
 * one UTF-16 code unit; everything else is itself, case-sensitively.
 *
 * No backtracking: the pieces between the asterisks are looked for once, from left to right. The cost is at most
 * (length of the text) × (length of the longest piece).
 */
export function compileWildcard(pattern: string): Matcher {
  if (pattern === '*') return () => true;
  if (!/[*?]/.test(pattern)) return (text) => text === pattern;
  const pieces = pattern.split('*');
  const first = pieces.shift() ?? '';
  const last = pieces.pop();
  if (last === undefined) return (text) => text.length === first.length && pieceAt(text, first, 0);
  const middle = pieces.filter((piece) => piece !== '');
  if (middle.length === 0 && last === '' && !first.includes('?')) return (text) => text.startsWith(first);
  return (text) => matchesPieces(text, first, middle, last);
}

function matchesPieces(text: string, first: string, middle: readonly string[], last: string): boolean {
  const end = text.length - last.length;
  if (first.length > end || !pieceAt(text, first, 0) || !pieceAt(text, last, end)) return false;
  let position = first.length;
  for (const piece of middle) {
    const found = findPiece(text, piece, position, end);
    if (found < 0) return false;
    position = found + piece.length;
  }
  return true;
}

/** First place of the piece in `text[from, end)`, or -1. The leftmost place leaves most room for the pieces after it. */
function findPiece(text: string, piece: string, from: number, end: number): number {
  if (!piece.includes('?')) {
    const found = text.indexOf(piece, from);
    return found >= 0 && found + piece.length <= end ? found : -1;
  }
  for (let at = from; at + piece.length <= end; at += 1) if (pieceAt(text, piece, at)) return at;
  return -1;
}

const QUESTION_MARK = 0x3f;

function pieceAt(text: string, piece: string, at: number): boolean {
  if (at + piece.length > text.length) return false;
  for (let index = 0; index < piece.length; index += 1) {
    const expected = piece.charCodeAt(index);
    if (expected !== QUESTION_MARK && expected !== text.charCodeAt(at + index)) return false;
  }
  return true;
}

/** Compiles a list of patterns into one question: does any of them match? Plain texts are looked up, not searched. */
export function compileAnyOf(patterns: readonly string[]): Matcher {
  if (patterns.includes('*')) return () => true;
  const plain = new Set(patterns.filter((pattern) => !/[*?]/.test(pattern)));
  const wildcards = patterns.filter((pattern) => /[*?]/.test(pattern)).map((pattern) => compileWildcard(pattern));
  if (wildcards.length === 0) return (text) => plain.has(text);
  const [only] = wildcards;
  if (plain.size === 0 && only !== undefined && wildcards.length === 1) return only;
  return (text) => plain.has(text) || wildcards.some((matches) => matches(text));
}
