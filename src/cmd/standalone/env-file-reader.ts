/**
 * Reads an env file as the kubelet does (KEP-3721, "Env File"), in the form that the agent writes: `NAME='value'`, taken
 * literally up to the closing quote. Throws where the text is not of that form.
 */
export function readEnvFile(text: string): Map<string, string> {
  const variables = new Map<string, string>();
  const assignment = /([A-Za-z_.-][A-Za-z0-9_.-]*)='([^']*)'\n/y;
  while (assignment.lastIndex < text.length) {
    const at = assignment.lastIndex;
    const match = assignment.exec(text);
    if (match === null) throw new Error(`The env file has no assignment at character ${at}.`);
    variables.set(match[1] ?? '', match[2] ?? '');
  }
  return variables;
}
