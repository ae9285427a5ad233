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
  return compileAnyOf([pattern]);
}

/** Compiles a list of patterns into one question: does any of them match? Plain texts are looked up, not searched. */
export function compileAnyOf(patterns: readonly string[]): Matcher {
  if (patterns.includes('*')) return () => true;
  const plain = patterns.filter((pattern) => !/[*?]/.test(pattern));
  const pieces = patterns.filter((pattern) => /[*?]/.test(pattern)).flatMap(piecesOf);
  const [only] = plain;
  if (pieces.length === 0) return plain.length === 1 ? (text) => text === only : lookedUp(plain);
  if (plain.length === 0) return (text) => matchesAny(text, pieces);
  const isPlain = lookedUp(plain);
  return (text) => isPlain(text) || matchesAny(text, pieces);
}

function lookedUp(texts: readonly string[]): Matcher {
  const known = new Set(texts);
  return (text) => known.has(text);
}

/**
 * The pieces of patterns, one pattern after the other, each ended by `undefined`. There may be ten thousand policies, and a
 * decision visits a few of them: what it waits for is memory. So all of a list lies in one array.
 */
type Pieces = readonly (string | undefined)[];

function piecesOf(pattern: string): (string | undefined)[] {
  return [...pattern.split('*').map(ownText), undefined];
}

/** Most pieces that are kept once for all patterns. */
const SHARED_PIECES = 1024;

const sharedPieces = new Map<string, string>();

/** The text as an object of its own, not as a view of the document it was cut from; short ones, which recur, are shared. */
function ownText(piece: string): string {
  const shared = sharedPieces.get(piece);
  if (shared !== undefined) return shared;
  const encoding = /^[\x20-\x7e]*$/.test(piece) ? 'latin1' : 'utf16le';
  const own = Buffer.from(piece, encoding).toString(encoding);
  if (piece.length <= 12 && sharedPieces.size < SHARED_PIECES) sharedPieces.set(own, own);
  return own;
}

function matchesAny(text: string, pieces: Pieces): boolean {
  for (let from = 0; from < pieces.length;) {
    const end = pieces.indexOf(undefined, from);
    if (matchesPieces(text, pieces, from, end - 1)) return true;
    from = end + 1;
  }
  return false;
}

/** Whether the text matches the pattern whose pieces are those from `first` to `last`. */
function matchesPieces(text: string, pieces: Pieces, first: number, last: number): boolean {
  const head = pieces[first] ?? '';
  if (!pieceAt(text, head, 0)) return false;
  if (first === last) return text.length === head.length;
  const tail = pieces[last] ?? '';
  const end = text.length - tail.length;
  if (head.length > end || !pieceAt(text, tail, end)) return false;
  let position = head.length;
  for (let index = first + 1; index < last; index += 1) {
    const piece = pieces[index] ?? '';
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
