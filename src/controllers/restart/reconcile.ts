import type { SecretBinding } from '../../api/v1alpha1/secret-binding.ts';
import { markOf, turnAnnotation, type Versions } from '../../api/version-mark.ts';
import type { ClusterApi } from '../../kube/cluster-api.ts';
import type { Reconcile, ReconcileContext, ReconcileResult } from '../../kube/controller.ts';
import { keyOf, type ObjectKey } from '../../kube/resource.ts';
import type { StoreReader } from '../../kube/store.ts';
import type { Clock } from '../../lib/clock.ts';
import type { KmsApi } from '../kms-api.ts';
import type { ConditionReport } from '../lifecycle.ts';
import { podType, type Pod } from '../pod.ts';
import type { RecordEvent } from '../pod-report/reconcile.ts';
import { failureNote, giveBack, rolledOut, versionsOf } from '../rollout/versions.ts';
import { nextRestart, type RestartStep, type Turn, type TurnPod } from './plan.ts';
import { turnPods } from './turn-pods.ts';

export interface RestartDependencies {
  cluster: Pick<ClusterApi, 'apply'>;
  kms: KmsApi;
  /** By the index `namespace`. */
  pods: StoreReader<Pod>;
  recordEvent: RecordEvent;
  /** Takes the condition RolledOut of a binding to where its status is written. Must not throw. */
  report: (key: ObjectKey, condition: ConditionReport) => void;
  /** How long the pods may take to become ready, all together. */
  timeoutMs: number;
  /** Told how the restarts ended. Must not throw. */
  countRestart: (result: 'completed' | 'given-back') => void;
  /** When to look at a binding again at which nothing is to be done: after `pollMs`, or later where a new version is told. */
  nextLookMs: (key: ObjectKey, pollMs: number) => number;
  clock: Clock;
}

/** Between two looks at the versions in KMS, where it does not tell of new ones. */
const pollMs = 10_000;
/** Between two looks while pods start again. */
const stepMs = 1_000;
/** Pods that are told at one time. */
const toldAtOnce = 16;

interface Progress {
  wanted: string;
  startedMs: number;
  turns: Map<string, Turn>;
}

/** What is remembered of a binding. */
interface Memory {
  uid: string | undefined;
  /** Undefined when a new leader finds pods of several versions. */
  delivered: Versions | undefined;
  progress: Progress | undefined;
}

/**
 * Lets the pods of bindings with `refresh.onChange: RestartContainers` start again when KMS has new versions of their secrets.
 *
 * The agents hold new values back until an annotation of their pod, which the kubelet shows them as a file, names the
 * versions: the pods say by themselves how far it got. As with rollouts, only ids of versions are looked at, and only
 * versions of secrets of the binding's own namespace are given back.
 */
export function restartReconciler(dependencies: RestartDependencies): Reconcile<SecretBinding> {
  const memories = new Map<ObjectKey, Memory>();
  return async (key, binding, context) => {
    const isOn = binding?.spec.refresh?.onChange === 'RestartContainers';
    if (binding === undefined || !isOn || binding.metadata.deletionTimestamp !== undefined) {
      memories.delete(key);
      return undefined;
    }
    const pods = turnPods(binding, dependencies.pods);
    const wanted = await versionsOf(dependencies.kms, binding, context.signal);
    let memory = memories.get(key);
    if (memory === undefined || memory.uid !== binding.metadata.uid) {
      const isBehind = pods.some(({ mark }) => mark !== undefined && mark !== markOf(wanted));
      memory = { uid: binding.metadata.uid, delivered: isBehind ? undefined : wanted, progress: undefined };
      memories.set(key, memory);
    }
    return new Restart({ binding, wanted, pods, memory }, dependencies, context).advance();
  };
}

interface Situation {
  binding: SecretBinding;
  wanted: Versions;
  pods: readonly TurnPod[];
  memory: Memory;
}

/** One look at one binding. */
class Restart {
  readonly #situation: Situation;
  readonly #dependencies: RestartDependencies;
  readonly #context: ReconcileContext;

  constructor(situation: Situation, dependencies: RestartDependencies, context: ReconcileContext) {
    this.#situation = situation;
    this.#dependencies = dependencies;
    this.#context = context;
  }

  async advance(): Promise<ReconcileResult> {
    const { wanted, pods, memory } = this.#situation;
    const { clock, timeoutMs } = this.#dependencies;
    const [mark, nowMs] = [markOf(wanted), clock.monotonic()];
    const delivered = memory.delivered === undefined ? undefined : markOf(memory.delivered);
    if (delivered === mark) memory.progress = undefined;
    else if (memory.progress?.wanted !== mark) memory.progress = { wanted: mark, startedMs: nowMs, turns: new Map() };
    const { turns = new Map<string, Turn>(), startedMs = nowMs } = memory.progress ?? {};
    const step = nextRestart({
      wanted: mark,
      delivered,
      pods,
      turns,
      startedMs,
      nowMs,
      late: nowMs - startedMs > timeoutMs,
    });
    this.#context.log.debug({ step: step.type }, 'restart');
    return { requeueAfterMs: await this.#act(step, turns) };
  }

  /** Gives when to look again, in milliseconds. */
  async #act(step: RestartStep, turns: Map<string, Turn>): Promise<number> {
    const { wanted, memory } = this.#situation;
    switch (step.type) {
      case 'UpToDate':
        return this.#nextLookMs();
      case 'Note':
        await this.#tell(step.pods, wanted);
        return this.#nextLookMs();
      case 'First':
        await this.#giveTurns([step.pod], turns);
        this.#say('Unknown', 'RestartStarted', `A secret has a new version. The pod ${step.pod.name} goes first.`);
        return stepMs;
      case 'Rest':
        await this.#giveTurns(step.pods, turns);
        this.#say('Unknown', 'Restarting', 'The containers of the other pods start again.');
        return stepMs;
      case 'Await':
        return stepMs;
      case 'GiveBack':
        await this.#giveBack(step.why);
        return pollMs;
      default:
        memory.delivered = wanted;
        this.#dependencies.countRestart('completed');
        this.#say('True', 'RestartCompleted', 'All pods run with the present versions.');
        return pollMs;
    }
  }

  #nextLookMs(): number {
    return this.#dependencies.nextLookMs(keyOf(this.#situation.binding), pollMs);
  }

  /** Pods that have the version which was given back start again with the former one. */
  async #giveBack(why: string): Promise<void> {
    const { binding, wanted, pods, memory } = this.#situation;
    const { kms, countRestart } = this.#dependencies;
    const given = await giveBack(kms, binding, memory.delivered ?? {}, wanted, this.#context.signal);
    countRestart('given-back');
    this.#say('False', 'RestartFailed', failureNote('restart', why, given));
    // Whatever was not given back counts as delivered: to begin again with the same version helps nobody.
    memory.delivered = { ...wanted, ...given };
    const having = pods.filter(({ mark }) => mark === markOf(wanted));
    if (Object.keys(given).length > 0) await this.#tell(having, memory.delivered);
  }

  async #giveTurns(pods: readonly TurnPod[], turns: Map<string, Turn>): Promise<void> {
    const atMs = this.#dependencies.clock.monotonic();
    // What was known of a pod before it was first told is what counts.
    for (const { uid, restarts, ready } of pods) if (!turns.has(uid)) turns.set(uid, { restarts, atMs, sick: !ready });
    await this.#tell(pods, this.#situation.wanted);
  }

  async #tell(pods: readonly TurnPod[], versions: Versions): Promise<void> {
    const { name } = this.#situation.binding.metadata;
    const annotations = { [turnAnnotation(name)]: markOf(versions) };
    // A manager of its own for each binding: server-side apply takes away what the same manager leaves out.
    const options = { fieldManager: `kaap-restart-${name}`, signal: this.#context.signal };
    for (let from = 0; from < pods.length; from += toldAtOnce) {
      const some = pods.slice(from, from + toldAtOnce);
      const metadataOf = (pod: TurnPod) => ({ namespace: pod.namespace, name: pod.name, uid: pod.uid, annotations });
      await Promise.all(
        some.map((pod) => this.#dependencies.cluster.apply(podType, { metadata: metadataOf(pod) }, options)),
      );
    }
  }

  #say(status: ConditionReport['status'], reason: string, message: string): void {
    const { binding } = this.#situation;
    this.#dependencies.report(keyOf(binding), rolledOut(status, reason, message));
    this.#dependencies.recordEvent(binding, status === 'False' ? 'Warning' : 'Normal', reason, message);
  }
}
