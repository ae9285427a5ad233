/** Parts of `acs:<service>:<region>:<account>:<relativeId>`. Region and account may be empty. */
export interface Arn {
  readonly service: string;
  readonly region: string;
  readonly account: string;
  /** Such as `key/<id>`, `secret`, `role/<name>`. */
  readonly relativeId: string;
}

/** Longest ARN that is looked at, in characters. */
export const MAX_ARN_LENGTH = 2048;

const ARN = /^acs:([a-z0-9-]{1,32}):([A-Za-z0-9-]{0,64}):([0-9]{0,32}):(.{1,1024})$/;

/** Characters of names in KMS (CreateSecret → SecretName); ids and role names use fewer. */
const RELATIVE_ID = /^[A-Za-z0-9_/+=.@-]{1,1024}$/;

/** Splits an ARN whose relative id is canonical; `undefined` for any other text. */
export function parseArn(text: string): Arn | undefined {
  if (text.length > MAX_ARN_LENGTH) return undefined;
  const match = ARN.exec(text);
  if (match === null) return undefined;
  const [, service = '', region = '', account = '', relativeId = ''] = match;
  return isCanonicalRelativeId(relativeId) ? { service, region, account, relativeId } : undefined;
}

/**
 * Whether a relative id such as `secret/shop/db` has one reading only: known characters (so no `%2e`, wildcard, blank or
 * control character), no empty segment, no `.` or `..` segment, at most 1024 characters.
 */
export function isCanonicalRelativeId(text: string): boolean {
  if (!RELATIVE_ID.test(text)) return false;
  return !text.startsWith('/') && !text.endsWith('/') && !/\/\/|(?:^|\/)\.{1,2}(?:\/|$)/.test(text);
}

/** Role names of RAM: 1 to 64 of letters, digits, `.`, `_`, `-`. */
const ROLE_NAME = /^[A-Za-z0-9._-]{1,64}$/;

/** The role name in `acs:ram::<accountId>:role/<name>`, matched exactly; `undefined` for any other text. */
export function roleNameOf(roleArn: string, accountId: string): string | undefined {
  return nameAfter(`acs:ram::${accountId}:role/`, roleArn);
}

/** The provider name in `acs:ram::<accountId>:oidc-provider/<name>`, matched exactly; `undefined` for any other text. */
export function oidcProviderNameOf(providerArn: string, accountId: string): string | undefined {
  return nameAfter(`acs:ram::${accountId}:oidc-provider/`, providerArn);
}

function nameAfter(prefix: string, arn: string): string | undefined {
  if (!arn.startsWith(prefix)) return undefined;
  const name = arn.slice(prefix.length);
  return ROLE_NAME.test(name) ? name : undefined;
}
