/**
 * Reads one variable of an env file as the kubelet does (KEP-3721 "Env File", Kubernetes 1.35 and later): lines end at LF
 * and lose one CR before it; a value is in single quotes and may span lines; the first line of a name counts. A line may
 * have 65,535 bytes. `undefined` when there is no such variable. Throws where the kubelet would refuse the file.
 */
export function readEnvFile(file: Buffer, key: string): Buffer | undefined {
  const lines = linesOf(file);
  while (lines.length > 0) {
    const line = (lines.shift() ?? '').replace(/^[ \t]+/, '');
    if (line === '' || line.startsWith('#')) continue;
    const equals = line.indexOf('=');
    if (equals < 1 || /[ \t]$/.test(line.slice(0, equals))) throw new Error('malformed name');
    const value = line.slice(equals + 1);
    if (!value.startsWith("'")) throw new Error('value is not in single quotes');
    const content = readQuoted(value.slice(1), lines);
    if (line.slice(0, equals) === key) return content === '' ? undefined : Buffer.from(content, 'latin1');
  }
  return undefined;
}

function readQuoted(first: string, lines: string[]): string {
  let content = '';
  for (let rest: string | undefined = first; rest !== undefined; rest = lines.shift()) {
    const end = rest.indexOf("'");
    if (end >= 0) {
      const after = rest.slice(end + 1).replace(/^[ \t]+/, '');
      if (after !== '' && !after.startsWith('#')) throw new Error('something after the closing quote');
      return content + rest.slice(0, end);
    }
    content += `${rest}\n`;
  }
  throw new Error('unclosed quote');
}

/** Bytes stand for themselves (latin1), as in a string of Go. */
function linesOf(file: Buffer): string[] {
  const lines = file.toString('latin1').split('\n');
  if (lines.at(-1) === '') lines.pop();
  if (lines.some((line) => line.length > 65_535)) throw new Error('line too long');
  return lines.map((line) => line.replace(/\r$/, ''));
}
