import { createPrivateKey, type KeyObject } from 'node:crypto';

/** What a request is signed with. */
export type RequestCredential =
  | { kind: 'AccessKey'; accessKeyId: string; accessKeySecret: string; securityToken?: string }
  | { kind: 'ClientKey'; keyId: string; privateKey: KeyObject };

/** Gives the credential for the next request. `undefined` sends it unsigned. */
export interface CredentialProvider {
  credential(signal?: AbortSignal): Promise<RequestCredential | undefined>;
}

export interface AccessKey {
  accessKeyId: string;
  accessKeySecret: string;
  /** Of an STS session. */
  securityToken?: string | undefined;
}

/** Signs every request with one access key. */
export function staticCredentials(key: AccessKey): CredentialProvider {
  const { accessKeyId, accessKeySecret, securityToken } = key;
  const credential: RequestCredential = {
    kind: 'AccessKey',
    accessKeyId,
    accessKeySecret,
    ...(securityToken === undefined ? {} : { securityToken }),
  };
  return { credential: () => Promise.resolve(credential) };
}

/** Signs every request with the private key of a client key. Throws when the PEM holds no private key. */
export function clientKeyCredentials(key: { keyId: string; privateKeyPem: string }): CredentialProvider {
  const credential: RequestCredential = {
    kind: 'ClientKey',
    keyId: key.keyId,
    privateKey: createPrivateKey(key.privateKeyPem),
  };
  return { credential: () => Promise.resolve(credential) };
}
