import type { AgentBinding, AgentConfig, AgentSource } from '../agent/agent-config.ts';
import type { BoundAccess, Consumer } from '../demand.ts';
import type { AgentEnv } from '../agent/agent-config.ts';
import { agentPaths, envFileName, execPlaces, execProgram, readyFileName, turnFolder } from '../layout.ts';
import { agentEndpoint } from '../local-endpoint.ts';
import { envFileKey, type Variable } from '../variables.ts';
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
  const outage = outageSeconds(bound);
  const localEndpoint = agentEndpoint(bound, consumers);
  return {
    version: 1,
    endpoint,
    caPem,
    region,
    accountId,
    bindings: bound.map((entry) => agentBinding(entry, consumers)),
    envFile: `${agentPaths.env}/${envFileName}`,
    readyFile: `${agentPaths.env}/${readyFileName}`,
    ...(outage === undefined ? {} : { outageSeconds: outage }),
    ...(localEndpoint === undefined ? {} : { localEndpoint }),
    ...(consumers.some(({ variables }) => variables.wrapped !== undefined) ? { execProgram } : {}),
  };
}

function agentBinding(entry: BoundAccess, consumers: readonly Consumer[]): AgentBinding {
  const { metadata, spec } = entry.binding;
  return {
    name: metadata.name,
    accessPoint: spec.accessPoint,
    identity: entry.access.identity,
    sources: spec.sources.map(agentSource),
    env: agentEnv(entry, consumers),
    files: agentFiles(entry, consumers),
    ...refreshFields(metadata.name, spec),
  };
}

/** Each variable once: for the kubelet's file, or for the files of the containers whose command is wrapped. */
function agentEnv({ binding }: BoundAccess, consumers: readonly Consumer[]): AgentEnv[] {
  const entries = new Map<string, AgentEnv>();
  const add = (variable: Variable, key: string, environ?: string): void => {
    if (variable.binding !== binding) return;
    const { source, field } = variable;
    const identity = JSON.stringify([key, source, field, environ === undefined]);
    const entry = entries.get(identity) ?? { name: key, source, ...(field === undefined ? {} : { field }) };
    const environs = new Set(entry.environs);
    if (environ !== undefined) entry.environs = [...environs.add(environ)];
    entries.set(identity, entry);
  };
  for (const { kubelet, wrapped } of consumers.map(({ variables }) => variables)) {
    for (const variable of kubelet) add(variable, envFileKey(variable));
    for (const variable of wrapped?.variables ?? []) {
      add(variable, variable.name, `${agentPaths.exec}/${wrapped?.folder ?? ''}/${execPlaces.environ}`);
    }
  }
  return [...entries.values()];
}

function refreshFields(name: string, { refresh }: BoundAccess['binding']['spec']): Partial<AgentBinding> {
  if (refresh === undefined) return {};
  const { intervalSeconds, onChange, signal } = refresh;
  return {
    refreshSeconds: intervalSeconds,
    ...(onChange === 'RestartContainers'
      ? { restartOnChange: true, turnFile: `${agentPaths.token}/${turnFolder}/${name}` }
      : {}),
    ...(signal === undefined ? {} : { signal }),
  };
}

/** Old values are used only where every binding of the pod allows it, and then as old as the strictest says. */
function outageSeconds(bound: readonly BoundAccess[]): number | undefined {
  const limits = bound.map(({ binding }) => binding.spec.outage?.maxAgeSeconds ?? 0);
  const strictest = Math.min(...limits);
  return strictest > 0 ? strictest : undefined;
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
