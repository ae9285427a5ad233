import type { AgentBinding, AgentConfig, AgentSource } from '../agent/agent-config.ts';
import type { BoundAccess, Consumer } from '../demand.ts';
import { agentPaths, envFileName, readyFileName } from '../layout.ts';
import { agentFiles } from './files.ts';

/** Where the KMS is and whom to trust for it. */
export interface KmsLocation {
  endpoint: string;
  caPem: string;
  region: string;
  accountId: string;
}

/** The configuration of the pod's agent. A function of the bindings and of which container gets what. */
export function agentConfigFor(
  bound: readonly BoundAccess[],
  consumers: readonly Consumer[],
  { endpoint, caPem, region, accountId }: KmsLocation,
): AgentConfig {
  return {
    version: 1,
    endpoint,
    caPem,
    region,
    accountId,
    bindings: bound.map((entry) => agentBinding(entry, consumers)),
    envFile: `${agentPaths.env}/${envFileName}`,
    readyFile: `${agentPaths.env}/${readyFileName}`,
  };
}

function agentBinding(entry: BoundAccess, consumers: readonly Consumer[]): AgentBinding {
  const { metadata, spec } = entry.binding;
  return {
    name: metadata.name,
    accessPoint: spec.accessPoint,
    identity: entry.access.identity,
    sources: spec.sources.map(agentSource),
    env: (spec.env ?? []).map(({ name, source, field }) => ({
      name,
      source,
      ...(field === undefined ? {} : { field }),
    })),
    files: agentFiles(entry, consumers),
    ...(spec.refresh === undefined ? {} : { refreshSeconds: spec.refresh.intervalSeconds }),
  };
}

function agentSource({ name, secret, decrypt }: BoundAccess['binding']['spec']['sources'][number]): AgentSource {
  if (decrypt !== undefined) {
    const { ciphertextBlob, encryptionContext } = decrypt;
    return { name, ciphertextBlob, ...(encryptionContext === undefined ? {} : { encryptionContext }) };
  }
  return {
    name,
    secretName: secret.name,
    ...(secret.versionStage === undefined ? {} : { versionStage: secret.versionStage }),
    ...(secret.versionId === undefined ? {} : { versionId: secret.versionId }),
  };
}
