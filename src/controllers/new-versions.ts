import { secretBindingType, type SecretBinding } from '../api/v1alpha1/secret-binding.ts';
import type { Random } from '../kube/backoff.ts';
import type { ClusterApi } from '../kube/cluster-api.ts';
import { Controller, relate, specOrMetadataChanged, type ControllerMetrics } from '../kube/controller.ts';
import type { Reflectors } from '../kube/reflectors.ts';
import type { ObjectKey } from '../kube/resource.ts';
import { systemSleep } from '../kube/sleep.ts';
import type { Store } from '../kube/store.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { KmsApi } from './kms-api.ts';
import type { ConditionReport } from './lifecycle.ts';
import { injectedPods, podType, type Pod } from './pod.ts';
import type { RecordEvent } from './pod-report/reconcile.ts';
import { restartReconciler } from './restart/reconcile.ts';
import { bindingsToNote } from './restart/turn-pods.ts';
import { rolloutReconciler } from './rollout/reconcile.ts';
import { VersionFeed } from './rollout/version-feed.ts';
import { followedSecrets } from './rollout/versions.ts';

export interface RolloutOptions {
  /** Whether the operator may change Deployments, StatefulSets and DaemonSets. */
  enabled: boolean;
  timeoutMs: number;
  countRollout: (result: 'completed' | 'given-back') => void;
  /** The same of restarts in place. */
  countRestart: (result: 'completed' | 'given-back') => void;
}

export interface NewVersionOptions {
  cluster: ClusterApi;
  kms: KmsApi;
  /** KMS over connections of its own, for calls that wait. Without it, KMS is asked for new versions every few seconds. */
  waits?: KmsApi;
  reflectors: Reflectors;
  recordEvent: RecordEvent;
  clock: Clock;
  random: Random;
  log: Logger;
  metrics?: ControllerMetrics;
  /** Rollouts after new versions; none unless given. */
  rollout?: RolloutOptions;
}

/** Takes the condition RolledOut of a binding to where its status is written; `undefined` where it is about nothing any more. */
export type ReportRollout = (key: ObjectKey, condition: ConditionReport | undefined) => void;

/** Pods that were made in the meantime are told together what they have. */
const noteAfterMs = 10_000;

/** What brings new versions of secrets to the pods of bindings that say how: the controller, and what tells it of them. */
export function newVersionRunnables(
  options: NewVersionOptions,
  pods: Store<Pod>,
  report: ReportRollout,
): readonly (Controller<SecretBinding> | VersionFeed)[] {
  const { waits, random, log } = options;
  const wake = (key: ObjectKey, afterMs: number): void => controller.enqueue(key, afterMs);
  const feed = waits === undefined ? undefined : new VersionFeed({ waits, wake, random, sleep: systemSleep, log });
  const controller = newVersionController(options, pods, report, feed);
  return feed === undefined ? [controller] : [controller, feed];
}

function newVersionController(
  options: NewVersionOptions,
  pods: Store<Pod>,
  report: ReportRollout,
  feed: VersionFeed | undefined,
): Controller<SecretBinding> {
  const { reflectors, log, clock, metrics } = options;
  const mayAct = ({ spec }: SecretBinding): boolean =>
    spec.refresh?.onChange !== 'Rollout' || options.rollout?.enabled === true;
  const reconcilers = reconcilersOf(options, pods, report, feed);
  const controller: Controller<SecretBinding> = new Controller<SecretBinding>({
    name: 'rollout',
    primary: secretBindingType,
    related: [
      relate(
        podType,
        (pod: Pod, bindings) => {
          for (const key of bindingsToNote(pod, bindings)) controller.enqueue(key, noteAfterMs);
          return [];
        },
        injectedPods,
      ),
    ],
    changed: specOrMetadataChanged,
    reconcile: async (key, binding, context) => {
      const isOn = binding !== undefined && isFollowing(binding);
      if (!isOn) report(key, undefined);
      feed?.follow(key, isOn && mayAct(binding) ? followedSecrets(binding) : []);
      const results = [];
      for (const reconcile of reconcilers) results.push(await reconcile(key, binding, context));
      return results.find((result) => result !== undefined);
    },
    reflectors,
    log,
    clock,
    ...(metrics === undefined ? {} : { metrics }),
  });
  return controller;
}

function isFollowing({ spec, metadata }: SecretBinding): boolean {
  return (spec.refresh?.onChange ?? 'None') !== 'None' && metadata.deletionTimestamp === undefined;
}

const noMetric = (): void => undefined;

function reconcilersOf(
  { cluster, kms, recordEvent, clock, rollout }: NewVersionOptions,
  pods: Store<Pod>,
  report: ReportRollout,
  feed: VersionFeed | undefined,
): [ReturnType<typeof rolloutReconciler>, ReturnType<typeof restartReconciler>] {
  const { enabled = false, timeoutMs = 300_000, countRollout = noMetric, countRestart = noMetric } = rollout ?? {};
  const nextLookMs = (key: ObjectKey, pollMs: number): number => feed?.nextLookMs(key, pollMs) ?? pollMs;
  const common = { cluster, kms, pods, recordEvent, clock, timeoutMs, report, nextLookMs };
  return [rolloutReconciler({ ...common, enabled, countRollout }), restartReconciler({ ...common, countRestart })];
}
