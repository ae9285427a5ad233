/** Version of the API server. */
export interface ServerVersion {
  major: number;
  minor: number;
}

/** Whether a version is below another. */
export function isOlder(version: ServerVersion, than: ServerVersion): boolean {
  return version.major < than.major || (version.major === than.major && version.minor < than.minor);
}

/** Such as `1.36`. */
export function textOf({ major, minor }: ServerVersion): string {
  return `${major}.${minor}`;
}
