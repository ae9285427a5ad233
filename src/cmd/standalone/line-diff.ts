/** One line of a difference: kept, taken away or added. */
export interface DiffLine {
  sign: ' ' | '-' | '+';
  text: string;
}

/** The shortest edit from one list of lines to another, by their longest common subsequence. For texts of some hundred lines. */
export function diffLines(before: readonly string[], after: readonly string[]): DiffLine[] {
  const lengths = commonLengths(before, after);
  const lines: DiffLine[] = [];
  let left = 0;
  let right = 0;
  while (left < before.length || right < after.length) {
    if (left < before.length && before[left] === after[right]) {
      lines.push({ sign: ' ', text: before[left] ?? '' });
      left += 1;
      right += 1;
    } else if (right < after.length && (lengths[left]?.[right + 1] ?? 0) >= (lengths[left + 1]?.[right] ?? -1)) {
      lines.push({ sign: '+', text: after[right] ?? '' });
      right += 1;
    } else {
      lines.push({ sign: '-', text: before[left] ?? '' });
      left += 1;
    }
  }
  return lines;
}

/** `[i][j]` is the length of the longest common subsequence of `before` from i and `after` from j. */
function commonLengths(before: readonly string[], after: readonly string[]): number[][] {
  const lengths = Array.from({ length: before.length + 1 }, () => Array.from({ length: after.length + 1 }, () => 0));
  for (let left = before.length - 1; left >= 0; left -= 1) {
    const row = lengths[left];
    const below = lengths[left + 1];
    for (let right = after.length - 1; row !== undefined && right >= 0; right -= 1) {
      row[right] =
        before[left] === after[right]
          ? (below?.[right + 1] ?? 0) + 1
          : Math.max(below?.[right] ?? 0, row[right + 1] ?? 0);
    }
  }
  return lengths;
}

/** The changed lines with `context` unchanged ones around them; `…` stands for what is left out. */
export function changedLines(lines: readonly DiffLine[], context: number): string[] {
  const near = lines.map((_line, at) =>
    lines.slice(Math.max(0, at - context), at + context + 1).some(({ sign }) => sign !== ' '),
  );
  const result: string[] = [];
  for (const [at, { sign, text }] of lines.entries()) {
    if (near[at] === true) result.push(`${sign} ${text}`);
    else if (near[at - 1] !== false) result.push('  …');
  }
  return result;
}
