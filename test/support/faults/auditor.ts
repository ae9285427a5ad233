import type { KubeClusterApi } from '../../../src/kube/kube-cluster-api.ts';
import { keyOf, type ObjectKey } from '../../../src/kube/resource.ts';
import { widgetResource, type Widget } from '../widget.ts';

/** What happened to one incarnation of a name, in the API server's order. */
interface History {
  key: ObjectKey;
  /** Every resourceVersion with the status that it had. */
  versions: { resourceVersion: string; generation: number; reported: number | undefined }[];
  deleted: boolean;
}

/** Watches the API server directly, past every fault, and says what a controller did to the objects. */
export class Auditor {
  readonly histories: Map<string, History> = new Map<string, History>();

  async run(api: KubeClusterApi, signal: AbortSignal): Promise<void> {
    for await (const event of api.watch(widgetResource, { signal })) {
      if (event.type === 'Init' || event.type === 'InitDone') continue;
      this.#note(event.object, event.type === 'Delete');
    }
  }

  #note(object: Widget, deleted: boolean): void {
    const { uid = '', resourceVersion = '', generation = 0 } = object.metadata;
    const history = this.histories.get(uid) ?? { key: keyOf(object), versions: [], deleted: false };
    this.histories.set(uid, history);
    history.deleted ||= deleted;
    if (history.versions.at(-1)?.resourceVersion === resourceVersion) return;
    history.versions.push({ resourceVersion, generation, reported: object.status?.observedGeneration });
  }

  /** Reports of a generation that was reported already, or that came after those of a later one. */
  doubledReports(): string[] {
    return [...this.histories.values()].flatMap(({ key, versions }) => {
      const reports = versions.filter((version, at) => version.reported !== versions[at - 1]?.reported);
      const numbers = reports.map(({ reported }) => reported ?? 0);
      return numbers.some((number, at) => at > 0 && number <= (numbers[at - 1] ?? 0))
        ? [`${key} was reported in the order ${numbers.join(', ')}`]
        : [];
    });
  }

  /** Versions that are neither a change by a user nor the report about one: writes that say nothing new. */
  idleWrites(): string[] {
    return [...this.histories.values()].flatMap(({ key, versions, deleted }) => {
      const kept = deleted ? versions.slice(0, -1) : versions;
      const idle = kept.filter(({ generation, reported }, at) => {
        const before = kept[at - 1];
        return before !== undefined && before.generation === generation && before.reported === reported;
      });
      return idle.length === 0 ? [] : [`${key} was written ${idle.length} times without a change`];
    });
  }
}
