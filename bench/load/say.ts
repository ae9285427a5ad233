/** A line of what a benchmark found. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
