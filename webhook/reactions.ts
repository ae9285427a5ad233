import type { BoundAccess } from './demand.ts';
import { agentUser } from './layout.ts';
import { containerLists, type Pod } from './pod.ts';
import { Refusal } from './refusal.ts';
import { isOlder, textOf, type ServerVersion } from './server-version.ts';

/** The first version in which a container's end can restart all containers of its pod without a feature gate. */
const restartAllVersion: ServerVersion = { major: 1, minor: 36 };

/** Refuses what a binding wants to happen on a change, where it cannot: better now than silently never. */
export function refuseReactions(pod: Pod, bound: readonly BoundAccess[], version: ServerVersion): void {
  for (const { binding } of bound) {
    const { name } = binding.metadata;
    const { onChange, signal } = binding.spec.refresh ?? {};
    if (onChange === 'RestartContainers' && isOlder(version, restartAllVersion)) {
      throw new Refusal(
        `The SecretBinding ${name} restarts containers in place, which needs Kubernetes 1.36; this cluster has ` +
          `${textOf(version)}. Set spec.refresh.onChange to Rollout or None.`,
      );
    }
    if (signal !== undefined) refuseSignal(pod, name);
  }
}

/** The agent can signal what it sees and what runs as its own user, and nothing else. */
function refuseSignal({ spec }: Pod, name: string): void {
  const fail = (problem: string): never => {
    throw new Refusal(`The SecretBinding ${name} has spec.refresh.signal, ${problem}, or remove spec.refresh.signal.`);
  };
  if (spec.shareProcessNamespace !== true) {
    fail('but containers see the processes of others only with spec.shareProcessNamespace: true. Set that in the pod');
  }
  const user = spec.securityContext?.runAsUser;
  const effective = user === 0 ? agentUser : user;
  const others = containerLists
    .flatMap((list) => spec[list] ?? [])
    .filter(({ securityContext }) => (securityContext?.['runAsUser'] ?? user) !== effective);
  if (effective === undefined || others.length === spec.containers.length + (spec.initContainers ?? []).length) {
    fail(
      'but the agent can signal processes of its own user only. Set spec.securityContext.runAsUser of the pod to the ' +
        'user of the application, other than 0',
    );
  }
}
