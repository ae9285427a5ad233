import { readFile } from 'node:fs/promises';
import { clientKeyCredentials, type CredentialProvider } from '../../src/client/credentials.ts';
import { KmsClient } from '../../src/client/kms-client.ts';
import { oidcCredentials } from '../../src/client/oidc-credentials.ts';
import { createTransport, type Transport } from '../../src/client/transport.ts';
import { openClientKeyFile } from '../../src/crypto/client-key-file.ts';
import { SecretBytes } from '../../src/lib/secret-bytes.ts';
import { Refusal } from '../refusal.ts';
import type { AgentConfig, AgentIdentity, AgentSource, ClientKeyIdentity, TokenRole } from './agent-config.ts';
import type {
  AnnouncedChange,
  ReaderFactory,
  SecretAnswer,
  SecretReader,
  SecretVersion,
  SourceValue,
} from './source-value.ts';

type Location = Pick<AgentConfig, 'endpoint' | 'caPem' | 'region'>;

/** Where the KMS is, and the connections of one client to it. */
type Connected = Location & { transport: Transport };

/** `KAAP.<uuid>`: becomes a part of a secret's name, so nothing else is taken. */
const keyIdPattern = /^KAAP\.[0-9a-f-]{36}$/;

/** Readers that speak to the KMS with the identity of each binding, which is proved over the connection that it is for. */
export function kmsReaders(location: Location): ReaderFactory {
  return ({ identity }) => readerOf(clientOf(location, (connected) => credentialsOf(identity, connected)));
}

function clientOf(location: Location, credentials: (connected: Connected) => CredentialProvider): KmsClient {
  const connected = { ...location, transport: createTransport(location) };
  return new KmsClient({ ...connected, credentials: credentials(connected) });
}

/** A reader that asks as `client` does, and closes it. */
export function readerOf(client: KmsClient): SecretReader {
  return {
    read: (source, signal) => readSource(client, source, signal),
    answer: (version, signal) => answerOf(client, version, signal),
    waitForChange: (...waiting) => waitForChange(client, ...waiting),
    close: () => client.close(),
  };
}

async function readSource(client: KmsClient, source: AgentSource, signal: AbortSignal): Promise<SourceValue> {
  if ('ciphertextBlob' in source) {
    const { ciphertextBlob, encryptionContext } = source;
    const answer = await client.decrypt(
      { CiphertextBlob: ciphertextBlob, ...(encryptionContext && { EncryptionContext: encryptionContext }) },
      { signal },
    );
    return { bytes: fromBase64(answer.Plaintext) };
  }
  const answer = await answerOf(client, source, signal);
  const versionId = answer.VersionId;
  if (answer.SecretDataType === 'binary') return { bytes: fromBase64(answer.SecretData), versionId };
  if (answer.SecretData.isWellFormed()) return { bytes: SecretBytes.fromUtf8(answer.SecretData), versionId };
  throw new Refusal('its value is not Unicode text. Store it with SecretDataType binary.');
}

function answerOf(
  client: KmsClient,
  { secretName, versionStage, versionId }: SecretVersion,
  signal: AbortSignal,
): Promise<SecretAnswer> {
  return client.getSecretValue(
    { SecretName: secretName, VersionStage: versionStage, VersionId: versionId },
    { signal },
  );
}

/** Longer than the wait itself: what a busy server may take to answer. */
const answerMarginMs = 15_000;

async function waitForChange(
  client: KmsClient,
  ...[sources, known, waitSeconds, signal]: Parameters<NonNullable<SecretReader['waitForChange']>>
): Promise<AnnouncedChange> {
  const asked = sources.map(({ name, secretName, versionStage }) => ({
    SecretName: secretName,
    ...(versionStage === undefined ? {} : { VersionStage: versionStage }),
    State: known.get(name) ?? '',
  }));
  const { Secrets } = await client.waitSecretChanges(
    { Secrets: JSON.stringify(asked), WaitSeconds: waitSeconds },
    { signal, deadlineMs: waitSeconds * 1000 + answerMarginMs },
  );
  const states = Secrets.Secret.map(({ State }, index) => [sources[index]?.name ?? '', State] as const);
  return { changed: Secrets.Secret.some(({ Changed }) => Changed), known: new Map(states) };
}

/** Node ignores what is not base64; a value that was changed on the way is refused instead. */
function fromBase64(text: string): SecretBytes {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '')) return new SecretBytes(bytes);
  throw new Refusal('its value is not base64, although it is said to be binary.');
}

function credentialsOf(identity: AgentIdentity, connected: Connected): CredentialProvider {
  if (identity.method === 'ServiceAccountRole') return roleCredentials(identity, connected);
  let opened: Promise<CredentialProvider> | undefined;
  return {
    async credential(signal) {
      opened ??= openClientKey(identity, connected).catch((error: unknown) => {
        opened = undefined;
        throw error;
      });
      return (await opened).credential(signal);
    },
  };
}

function roleCredentials(role: TokenRole, connected: Connected): CredentialProvider {
  const { roleArn, oidcProviderArn, tokenFile, sessionName } = role;
  return oidcCredentials({ ...connected, roleArn, oidcProviderArn, tokenFile, sessionName });
}

/** The file alone opens nothing: its password is asked of the KMS with the pod's own token. */
async function openClientKey(identity: ClientKeyIdentity, location: Location): Promise<CredentialProvider> {
  const json = await readFile(identity.clientKeyFile, 'utf8');
  const password = await passwordOf(identity, keyIdOf(json), location);
  return clientKeyCredentials(openClientKeyFile(json, password));
}

function keyIdOf(json: string): string {
  let keyId: unknown;
  try {
    keyId = (JSON.parse(json) as { KeyId?: unknown } | null)?.KeyId;
  } catch {
    keyId = undefined;
  }
  if (typeof keyId === 'string' && keyIdPattern.test(keyId)) return keyId;
  throw new Refusal('the client key file has no KeyId. Let the operator write the Secret of the access point again.');
}

async function passwordOf(identity: ClientKeyIdentity, keyId: string, location: Location): Promise<string> {
  const { unlock, passwordFile } = identity;
  if (unlock !== undefined) {
    const client = clientOf(location, (connected) => roleCredentials(unlock, connected));
    try {
      return (await client.getSecretValue({ SecretName: unlock.secretPrefix + keyId })).SecretData;
    } finally {
      client.close();
    }
  }
  if (passwordFile !== undefined) return (await readFile(passwordFile, 'utf8')).trim();
  throw new Refusal('the client key has neither a role nor a file for its password.');
}
