import { acs3Hash } from './acs3-canonical.ts';

/** An action that is called by `POST` to `/`, before it is signed. */
export interface Acs3Call {
  host: string;
  /** API version such as `2016-01-20`. */
  version: string;
  action: string;
  /** `application/x-www-form-urlencoded`; empty when the action has no parameters. */
  body: string;
  /** `yyyy-MM-ddTHH:mm:ssZ`. */
  date: string;
  nonce: string;
  accessKeyId?: string | undefined;
  /** Of an STS session; goes with the access key id. */
  securityToken?: string | undefined;
}

/** The headers that a signature of such a call covers: all of them. Names in lower case. */
export function acs3CallHeaders(call: Acs3Call): Record<string, string> {
  const { accessKeyId, securityToken } = call;
  return {
    'content-type': 'application/x-www-form-urlencoded',
    host: call.host,
    'x-acs-action': call.action,
    'x-acs-content-sha256': acs3Hash('sha256', call.body),
    'x-acs-date': call.date,
    'x-acs-signature-nonce': call.nonce,
    'x-acs-version': call.version,
    ...(accessKeyId !== undefined && securityToken !== undefined
      ? { 'x-acs-accesskey-id': accessKeyId, 'x-acs-security-token': securityToken }
      : {}),
  };
}

/** `Authorization` of a call whose headers are all signed. */
export function acs3Authorization(
  algorithm: string,
  keyId: string,
  headers: Readonly<Record<string, string>>,
  signature: string,
): string {
  const names = Object.keys(headers).toSorted().join(';');
  return `${algorithm} Credential=${keyId},SignedHeaders=${names},Signature=${signature}`;
}
