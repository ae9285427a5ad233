import type { EndpointResponseType } from '../../src/api/v1alpha1/local-endpoint.ts';
import type { AgentSignal } from './notify.ts';
import { DecodeError, integer, list, literal, object, optional, text, textMap, type Decoder } from './decode.ts';

/**
 * Everything an agent is told: where the KMS is, what to get, where to put it. Made by the webhook from objects of
 * the cluster, carried in the environment variable {@link agentConfigVariable}. Holds no secret.
 */
export interface AgentConfig {
  version: 1;
  /** Base URL of the KMS and STS, such as `https://kaap-kms.kaap-system.svc:8443`. */
  endpoint: string;
  /** Certificates to trust for `endpoint`, PEM. */
  caPem: string;
  region: string;
  accountId: string;
  bindings: AgentBinding[];
  /** Absolute path of the file from which the kubelet takes environment variables. */
  envFile: string;
  /** Absolute path of the file that appears once everything is in place. */
  readyFile: string;
  /** Absolute path of the wrapper, to be copied beside each file of {@link AgentEnv.environs}. */
  execProgram?: string;
  /** How old values may be that a start without the KMS makes do with, in seconds. Absent: none are used. */
  outageSeconds?: number;
  /** Present: programs of the pod may ask the agent over HTTP. */
  localEndpoint?: AgentEndpoint;
  /** End once everything is in place: there is nothing to hold and nothing to refresh. */
  once?: true;
}

/** The HTTP endpoint on the loopback address of the pod. */
export interface AgentEndpoint {
  port: number;
  responseType: EndpointResponseType;
  /** How old an answer may be, in seconds. */
  cacheSeconds: number;
  /** Who sends the token in `file` may ask for the secrets of these bindings. */
  tokens: AgentEndpointToken[];
}

export interface AgentEndpointToken {
  /** Absolute path of the file that the agent makes, and leaves as it is where it exists. */
  file: string;
  /** Names of {@link AgentBinding}s. */
  bindings: string[];
}

/** One SecretBinding as it applies to this pod. */
export interface AgentBinding {
  name: string;
  accessPoint: string;
  identity: AgentIdentity;
  sources: AgentSource[];
  env: AgentEnv[];
  files: AgentFile[];
  /** How often to look for new values, in seconds. Absent: once, at start. */
  refreshSeconds?: number;
  /** Let all containers of the pod start again when variables get new values. */
  restartOnChange?: true;
  /**
   * Absolute path of the file that says for which versions it is this pod's turn to do so: their mark, by `markOf`. Absent: at
   * any time.
   */
  turnFile?: string;
  /** Sent after files have new content. */
  signal?: AgentSignal;
}

/** How the pod proves who it is. */
export type AgentIdentity = ServiceAccountRoleIdentity | ClientKeyIdentity;

/** A role of STS, assumed with a projected service-account token. */
export interface TokenRole {
  roleArn: string;
  oidcProviderArn: string;
  /** Absolute path of the projected token. */
  tokenFile: string;
  sessionName: string;
}

export interface ServiceAccountRoleIdentity extends TokenRole {
  method: 'ServiceAccountRole';
}

export interface ClientKeyIdentity {
  method: 'ClientKey';
  /** Absolute path of the client key file: JSON with KeyId and PrivateKeyData (PKCS#12). */
  clientKeyFile: string;
  /** Role that may read the client key's password, and nothing else. */
  unlock?: ClientKeyUnlock;
  /** Absolute path of a file with the password, where there is no role. */
  passwordFile?: string;
}

export interface ClientKeyUnlock extends TokenRole {
  /** The password is the secret of this name followed by the KeyId of the file: a replaced key finds its own. */
  secretPrefix: string;
}

/** Something to get: a secret of the KMS, or a ciphertext that the KMS decrypts. */
export type AgentSource = AgentSecretSource | AgentCiphertextSource;

export interface AgentSecretSource {
  name: string;
  secretName: string;
  versionStage?: string;
  versionId?: string;
}

export interface AgentCiphertextSource {
  name: string;
  /** Base64. */
  ciphertextBlob: string;
  encryptionContext?: Record<string, string>;
}

export interface AgentEnv {
  /** Name of the variable, and its key in the env file. */
  name: string;
  /** Name of an {@link AgentSource} of the same binding. */
  source: string;
  /** JMESPath expression into the value, which must then be JSON. */
  field?: string;
  /** Absolute paths of the files from which the wrapper takes it. Absent: it goes into the kubelet's env file. */
  environs?: string[];
}

export interface AgentFile {
  /** Absolute path inside the agent's container. */
  path: string;
  /** Name of a source; exactly one of this and `template`. */
  source?: string;
  field?: string;
  /** Text in the language of `src/api/file-template.ts`. */
  template?: string;
  /** Octal, such as `0444`. */
  mode: string;
}

/** The environment variable that carries the configuration, as JSON. */
export const agentConfigVariable = 'KAAP_AGENT_CONFIG';

/** Kubernetes takes almost any name; these are the ones that the kubelet's env file can also carry. */
export const envNamePattern: RegExp = /^[A-Za-z_.-][A-Za-z0-9_.-]{0,127}$/;

const absolutePath = text(/^\/(?!.*(?:^|\/)\.\.(?:\/|$)).+$/);
const name = text(/^.{1,253}$/);

const tokenRole = {
  roleArn: text(/^acs:ram::/),
  oidcProviderArn: text(/^acs:ram::/),
  tokenFile: absolutePath,
  sessionName: text(/^[a-zA-Z0-9.@_-]{2,64}$/),
};

const identities: Readonly<Record<AgentIdentity['method'], Decoder<AgentIdentity>>> = {
  ServiceAccountRole: object<ServiceAccountRoleIdentity>({ method: literal('ServiceAccountRole'), ...tokenRole }),
  ClientKey: object<ClientKeyIdentity>({
    method: literal('ClientKey'),
    clientKeyFile: absolutePath,
    unlock: optional(object<ClientKeyUnlock>({ ...tokenRole, secretPrefix: text(/\/$/) })),
    passwordFile: optional(absolutePath),
  }),
};

const identity: Decoder<AgentIdentity> = (value, path) => {
  const method = (value as { method?: unknown } | null)?.method;
  if (typeof method === 'string' && Object.hasOwn(identities, method)) {
    return identities[method as AgentIdentity['method']](value, path);
  }
  throw new DecodeError(`${path}.method`, `must be one of ${Object.keys(identities).join(', ')}`);
};

const secretSource = object<AgentSecretSource>({
  name,
  secretName: text(/^.{1,192}$/),
  versionStage: optional(text()),
  versionId: optional(text()),
});

const ciphertextSource = object<AgentCiphertextSource>({
  name,
  ciphertextBlob: text(/^[A-Za-z0-9+/=]+$/),
  encryptionContext: optional(textMap),
});

const source: Decoder<AgentSource> = (value, path) =>
  value !== null && typeof value === 'object' && 'ciphertextBlob' in value
    ? ciphertextSource(value, path)
    : secretSource(value, path);

const binding = object<AgentBinding>({
  name,
  accessPoint: name,
  identity,
  sources: list(source, 32),
  env: list(
    object<AgentEnv>({
      name: text(envNamePattern),
      source: name,
      field: optional(text()),
      environs: optional(list(absolutePath, 500)),
    }),
    1000,
  ),
  files: list(
    object<AgentFile>({
      path: absolutePath,
      source: optional(name),
      field: optional(text()),
      template: optional(text()),
      mode: text(/^0[0-7]{3}$/),
    }),
    1000,
  ),
  refreshSeconds: optional(integer(10, 86_400)),
  restartOnChange: optional(literal(true)),
  turnFile: optional(absolutePath),
  signal: optional(
    object<AgentSignal>({
      process: text(/^[A-Za-z0-9._+-]{1,15}$/),
      signal: text(/^SIG(?:HUP|USR1|USR2|INT|TERM)$/) as Decoder<AgentSignal['signal']>,
    }),
  ),
});

const localEndpoint = object<AgentEndpoint>({
  port: integer(0, 65_535),
  responseType: text(/^(?:KMS|SecretsManager|VaultKV)$/) as Decoder<EndpointResponseType>,
  cacheSeconds: integer(1, 3600),
  tokens: list(object<AgentEndpointToken>({ file: absolutePath, bindings: list(name, 64) }), 500),
});

const config = object<AgentConfig>({
  version: literal(1),
  endpoint: text(/^https:\/\//),
  caPem: text(),
  region: text(/^.+$/),
  accountId: text(/^.+$/),
  bindings: list(binding, 64),
  envFile: absolutePath,
  readyFile: absolutePath,
  execProgram: optional(absolutePath),
  outageSeconds: optional(integer(60, 604_800)),
  localEndpoint: optional(localEndpoint),
  once: optional(literal(true)),
});

/** Reads the configuration strictly: an unknown or malformed field is a {@link DecodeError} that names it. */
export function parseAgentConfig(json: string): AgentConfig {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new DecodeError(agentConfigVariable, 'is not JSON');
  }
  const parsed = config(value, '');
  parsed.bindings.forEach(checkSourceNames);
  return parsed;
}

/** Every use names a source that the binding has, and no two sources have one name. */
function checkSourceNames(parsed: AgentBinding, index: number): void {
  const path = `bindings[${index}]`;
  const names = new Set(parsed.sources.map((entry) => entry.name));
  if (names.size !== parsed.sources.length) throw new DecodeError(`${path}.sources`, 'has two sources of one name');
  const vague = parsed.files.find((file) => (file.source === undefined) === (file.template === undefined));
  if (vague !== undefined) throw new DecodeError(`${path}.files`, 'must have source or template in each entry');
  const used = [...parsed.env, ...parsed.files].flatMap((use) => use.source ?? []);
  const stray = used.find((sourceName) => !names.has(sourceName));
  if (stray !== undefined) throw new DecodeError(path, `uses the source ${stray}, which it does not have`);
}
