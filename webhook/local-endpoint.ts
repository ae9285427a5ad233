import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { AgentEndpoint } from './agent/agent-config.ts';
import type { BoundAccess, Consumer } from './demand.ts';
import type { BindingObject } from './directory.ts';
import { agentPaths, endpointTokenPath, volumeNames } from './layout.ts';
import type { Pod, VolumeMount } from './pod.ts';
import { Refusal } from './refusal.ts';

/** What the containers that may ask for the secrets of the same bindings share: one token. */
export interface EndpointGrant {
  /** Name of the folder that holds it. */
  folder: string;
  bindings: readonly BindingObject[];
}

const tokenFile = 'token';

/** The token of a container that gets these bindings; undefined where none of them has the endpoint. */
export function endpointGrant(bindings: readonly BindingObject[]): EndpointGrant | undefined {
  const open = bindings.filter(({ spec }) => spec.localEndpoint !== undefined);
  if (open.length === 0) return undefined;
  const identity = JSON.stringify(open.map(({ metadata }) => metadata.name));
  return { folder: createHash('sha256').update(identity).digest('hex').slice(0, 12), bindings: open };
}

/** The file of the token, where the KMS Agent has it. Read-only, and that file alone. */
export function endpointMounts(grant: EndpointGrant | undefined): VolumeMount[] {
  if (grant === undefined) return [];
  const subPath = `${grant.folder}/${tokenFile}`;
  return [{ name: volumeNames.endpoint, mountPath: endpointTokenPath, subPath, readOnly: true }];
}

/** What the agent is told: settings of the bindings, and who may ask for what. Undefined where no container may ask. */
export function agentEndpoint(
  bound: readonly BoundAccess[],
  consumers: readonly Consumer[],
): AgentEndpoint | undefined {
  const settings = bound.find(({ binding }) => binding.spec.localEndpoint !== undefined)?.binding.spec.localEndpoint;
  const grants = new Map(
    consumers.flatMap(({ endpoint }) => (endpoint === undefined ? [] : [[endpoint.folder, endpoint]])),
  );
  if (settings === undefined || grants.size === 0) return undefined;
  const tokens = [...grants.values()].map(({ folder, bindings }) => ({
    file: `${agentPaths.endpoint}/${folder}/${tokenFile}`,
    bindings: bindings.map(({ metadata }) => metadata.name),
  }));
  const { port, responseType, cacheSeconds } = settings;
  return { port, responseType, cacheSeconds, tokens };
}

/** Refuses an endpoint that could not be, or that others than the pod could reach. */
export function refuseEndpoint({ spec }: Pod, bound: readonly BoundAccess[]): void {
  const [first, ...others] = bound.filter(({ binding }) => binding.spec.localEndpoint !== undefined);
  if (first === undefined) return;
  const { name } = first.binding.metadata;
  if (spec.hostNetwork === true) {
    throw new Refusal(
      `The SecretBinding ${name} has spec.localEndpoint, and the pod has the network of its node, whose loopback address ` +
        'everything on the node can reach. Remove spec.hostNetwork from the pod, or spec.localEndpoint from the binding.',
    );
  }
  const other = others.find(
    ({ binding }) => !isDeepStrictEqual(binding.spec.localEndpoint, first.binding.spec.localEndpoint),
  );
  if (other === undefined) return;
  throw new Refusal(
    `The SecretBindings ${name} and ${other.binding.metadata.name} have different spec.localEndpoint; a pod has one. Give both the ` +
      'same, or bind the pod to one of them (annotation kaap.dev/bindings).',
  );
}
