import type { IncomingMessage } from 'node:http';
import type { EndpointFailure } from './answer-forms.ts';

/** What a program asks for. */
export interface EndpointQuery {
  /** Name of the secret in KMS. */
  secretName: string;
  versionStage?: string;
  versionId?: string;
  /** Past the memory of the endpoint. */
  refreshNow: boolean;
}

/** The endpoint does not give an answer, and says why. */
export class EndpointError extends Error implements EndpointFailure {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'EndpointError';
    this.status = status;
    this.code = code;
  }
}

/** Headers of which one has to carry the token. */
const tokenHeaders = ['x-kms-token', 'x-vault-token'] as const;

/** What a request that came through a proxy carries: a program of the pod asks by itself. */
const proxyHeaders = ['x-forwarded-for', 'forwarded'] as const;

/** The token of a request; empty when it has none. Throws an {@link EndpointError} for one that somebody has passed on. */
export function tokenOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  if (proxyHeaders.some((name) => headers[name] !== undefined)) {
    throw new EndpointError(403, 'Forwarded', 'The request came through a proxy. Ask from inside the pod.');
  }
  const values = tokenHeaders.map((name) => headers[name]).filter((value) => typeof value === 'string');
  return values[0] ?? '';
}

/** `acs:kms:<region>:<account>:secret/<name>`: where a name is wanted, SDKs also give this. */
const arn = /^acs:kms:[^:]*:[^:]*:secret\/(.+)$/s;

const pathPrefix = '/v1/';
const queryPath = '/secretsmanager/get';

/** Reads `GET /v1/<secret>` and `GET /secretsmanager/get?secretId=<secret>`. Throws an {@link EndpointError}. */
export function readQuery(method: string | undefined, target: string | undefined): EndpointQuery {
  if (method !== 'GET') throw new EndpointError(405, 'MethodNotAllowed', 'Only GET.');
  const [path = '', search = ''] = (target ?? '').split(/\?(.*)/s);
  const parameters = new URLSearchParams(search);
  const named = path === queryPath ? parameters.get('secretId') : decoded(path);
  if (named === null || named === '') {
    throw new EndpointError(400, 'MissingSecretId', 'Name the secret: GET /v1/<secret>, or ?secretId=<secret>.');
  }
  const versionStage = parameters.get('versionStage');
  const versionId = parameters.get('versionId');
  return {
    secretName: arn.exec(named)?.[1] ?? named,
    ...(versionStage === null ? {} : { versionStage }),
    ...(versionId === null ? {} : { versionId }),
    refreshNow: parameters.get('refreshNow') === 'true',
  };
}

function decoded(path: string): string {
  if (!path.startsWith(pathPrefix)) {
    throw new EndpointError(
      404,
      'NotFound',
      `Not here. Ask for ${pathPrefix}<secret> or ${queryPath}?secretId=<secret>.`,
    );
  }
  try {
    return decodeURIComponent(path.slice(pathPrefix.length));
  } catch {
    throw new EndpointError(400, 'MalformedSecretId', 'The name of the secret is not percent-encoded correctly.');
  }
}
