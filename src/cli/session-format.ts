/** A session's three parts. */
export interface SessionKey {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken: string;
}

/** How a session is printed, by the word that `--format` takes. */
export const sessionFormats: Readonly<Record<string, (key: SessionKey) => string>> = {
  /** For `eval` in any POSIX shell. */
  env: ({ accessKeyId, accessKeySecret, securityToken }) =>
    [
      `export ALIBABA_CLOUD_ACCESS_KEY_ID=${shellQuoted(accessKeyId)}`,
      `export ALIBABA_CLOUD_ACCESS_KEY_SECRET=${shellQuoted(accessKeySecret)}`,
      `export ALIBABA_CLOUD_SECURITY_TOKEN=${shellQuoted(securityToken)}`,
    ].join('\n'),
  json: ({ accessKeyId, accessKeySecret, securityToken }) =>
    JSON.stringify({ AccessKeyId: accessKeyId, AccessKeySecret: accessKeySecret, SecurityToken: securityToken }),
};

/** Single quotes hold everything but a single quote (POSIX XCU 2.2.2). */
function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
