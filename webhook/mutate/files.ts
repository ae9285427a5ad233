import type { AgentFile } from '../agent/agent-config.ts';
import type { BoundAccess, Consumer, FileGroup } from '../demand.ts';
import { agentPaths, volumeNames } from '../layout.ts';
import type { VolumeMount } from '../pod.ts';

/** One mount for each folder that a container gets: read-only, and of that folder alone. */
export function injectedMounts(groups: readonly FileGroup[]): VolumeMount[] {
  return groups.map(({ folder, mountPath }) => ({
    name: volumeNames.files,
    mountPath,
    subPath: folder,
    readOnly: true,
  }));
}

/** The files that the agent writes for one binding: one copy in each folder that shows them. */
export function agentFiles({ binding }: BoundAccess, consumers: readonly Consumer[]): AgentFile[] {
  const groups = new Map(consumers.flatMap((consumer) => consumer.groups).map((group) => [group.folder, group]));
  const mine = [...groups.values()].filter((group) => group.bindings.includes(binding));
  return mine.flatMap(({ folder }) =>
    (binding.spec.files ?? []).map(({ path, ...content }) => ({
      path: `${agentPaths.files}/${folder}/${path}`,
      ...content,
    })),
  );
}
