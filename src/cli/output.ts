/** Where a command writes its answer. Standard output, or a buffer in tests. */
export interface Output {
  /** One line, without its line feed. */
  line(text: string): void;
  /** Bytes as they are. */
  raw(bytes: Uint8Array): void;
}

export const standardOutput: Output = {
  line: (text) => void process.stdout.write(`${text}\n`),
  raw: (bytes) => void process.stdout.write(bytes),
};

/** Rows as aligned columns, the first row being the heading. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_cell, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd((widths[column] ?? 0) + 2)))
      .join('')
      .trimEnd(),
  );
}
