import { setTimeout as sleep } from 'node:timers/promises';
import { findCondition, isReady, readyType, type CommonStatus } from '../../api/condition.ts';
import { customResourceTypes } from '../../api/registry.ts';
import type { ObjectSource } from '../../kube/cluster-api.ts';
import { keyOf, type KubeObject } from '../../kube/resource.ts';

/** A custom resource, as far as its state goes. */
export interface ResourceObject extends KubeObject {
  status?: CommonStatus;
}

const timeoutMs = 20_000;

/** All custom resources, once every one is Ready. Throws after 20 s, with the reason of each that is not. */
export async function untilReady(source: ObjectSource, signal: AbortSignal): Promise<readonly ResourceObject[]> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const types = Object.values(customResourceTypes);
    const lists = await Promise.all(types.map((type) => source.list<ResourceObject>(type, { signal })));
    const objects = lists.flat();
    const late = objects.filter((object) => !isReady(object));
    if (late.length === 0) return objects;
    if (Date.now() > deadline) throw new Error(`Not Ready after 20 s:\n${late.map(explain).join('\n')}`);
    await sleep(50, undefined, { signal });
  }
}

function explain(object: ResourceObject): string {
  const condition = findCondition(object.status, readyType);
  return `  ${object.kind} ${keyOf(object)}: ${condition?.message ?? 'nothing is known of it yet'}`;
}
