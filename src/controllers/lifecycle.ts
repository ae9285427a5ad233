import { isDeepStrictEqual } from 'node:util';
import { readyReason, readyType, type Condition } from '../api/condition.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import { setCondition } from '../kube/conditions.ts';
import type { ClusterApi } from '../kube/cluster-api.ts';
import type { Reconcile, ReconcileContext, ReconcileResult } from '../kube/controller.ts';
import { keyOf, refOf, type KubeObject, type ResourceType, type StatusOf } from '../kube/resource.ts';
import { firstViolation, ViolationError, type Check, type Violation } from './check.ts';
import { violationOf, type KmsApi } from './kms-api.ts';

/** The status that every kind has. */
export interface ConditionedStatus {
  observedGeneration?: number;
  conditions?: Condition[];
}

export interface ConditionedObject extends KubeObject {
  spec: unknown;
  status?: ConditionedStatus;
}

/** A condition besides Ready, as an outcome gives it. */
export interface ConditionReport {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
}

/** What acting on an object came to. */
export interface Outcome<Status> {
  /** Fields of the status besides conditions and observedGeneration. They replace those of before. */
  status: Partial<Status>;
  /** Message of the Ready condition. */
  message: string;
  conditions?: readonly ConditionReport[];
  /** Look for drift after this time; ten minutes unless given. */
  requeueAfterMs?: number;
}

/** Everything that is particular to a kind. */
export interface Lifecycle<T extends ConditionedObject, Input> {
  resource: ResourceType<T>;
  /** Owner of the status fields: `kaap-<kind>`. */
  fieldManager: string;
  /** Whether KMS state must be taken away before this object may go. */
  holds(object: T): boolean;
  /** Reads everything that the checks and the act look at. */
  gather(object: T, context: ReconcileContext): Promise<Input>;
  checks: readonly Check<Input>[];
  /** Brings KMS state in line. Run twice, it changes nothing the second time. */
  act(object: T, input: Input, context: ReconcileContext): Promise<Outcome<StatusOf<T>>>;
  /** Takes KMS state away, for objects that hold some. A violation keeps the object, and says why. */
  release?(object: T, context: ReconcileContext): Promise<Violation | undefined>;
}

export interface LifecycleDependencies {
  cluster: ClusterApi;
  kms: KmsApi;
  clock: Clock;
  /** Tells people about a transition. Must not throw. */
  recordEvent: (object: KubeObject, type: 'Normal' | 'Warning', reason: string, note: string) => void;
}

/** Marks the objects whose KMS state goes with them. */
export const finalizer = 'kaap.dev/kms-state';

/** An administrator's word that the KMS state is to be left behind: the object goes without it. */
export const abandonAnnotation = 'kaap.dev/abandon-kms-state';

const driftIntervalMs = 600_000;

/** Turns a kind's lifecycle into a reconciler: finalizer, gather, checks, act, status, event. */
export function reconcilerOf<T extends ConditionedObject, Input>(
  lifecycle: Lifecycle<T, Input>,
  dependencies: LifecycleDependencies,
): Reconcile<T> {
  return async (_key, object, context) => {
    if (object === undefined) return;
    if (object.metadata.deletionTimestamp !== undefined) return letGo(lifecycle, dependencies, object, context);
    return bringInLine(lifecycle, dependencies, object, context);
  };
}

async function bringInLine<T extends ConditionedObject, Input>(
  lifecycle: Lifecycle<T, Input>,
  dependencies: LifecycleDependencies,
  object: T,
  context: ReconcileContext,
): Promise<ReconcileResult> {
  let report: Report<StatusOf<T>>;
  let failure: unknown;
  try {
    const held = await settleFinalizer(lifecycle, dependencies, object, context.signal);
    const input = await lifecycle.gather(held, context);
    const violation = firstViolation(lifecycle.checks, input);
    report = violation === undefined ? { outcome: await lifecycle.act(held, input, context) } : { violation };
  } catch (error) {
    const violation = error instanceof ViolationError ? error.violation : violationOf(error);
    if (violation === undefined || context.signal.aborted) throw error;
    report = { violation };
    if (violation.requeueAfterMs === undefined && !(error instanceof ViolationError)) failure = error;
  }
  await writeStatus(lifecycle, dependencies, object, report, context.signal);
  if (failure !== undefined) throw failure;
  return { requeueAfterMs: report.violation?.requeueAfterMs ?? report.outcome?.requeueAfterMs ?? driftIntervalMs };
}

interface Report<Status> {
  outcome?: Outcome<Status>;
  violation?: Violation;
}

async function settleFinalizer<T extends ConditionedObject, Input>(
  lifecycle: Lifecycle<T, Input>,
  { cluster }: LifecycleDependencies,
  object: T,
  signal: AbortSignal,
): Promise<T> {
  const present = object.metadata.finalizers ?? [];
  const others = present.filter((name) => name !== finalizer);
  const wanted = lifecycle.holds(object) ? [...others, finalizer] : others;
  if (wanted.length === present.length) return object;
  return cluster.patchFinalizers(lifecycle.resource, object, wanted, { signal });
}

async function letGo<T extends ConditionedObject, Input>(
  lifecycle: Lifecycle<T, Input>,
  dependencies: LifecycleDependencies,
  object: T,
  context: ReconcileContext,
): Promise<ReconcileResult | undefined> {
  const present = object.metadata.finalizers ?? [];
  if (!present.includes(finalizer)) return undefined;
  const abandoned = object.metadata.annotations?.[abandonAnnotation] === 'true';
  const violation = abandoned ? undefined : await releaseOrExplain(lifecycle, object, context);
  if (violation !== undefined) {
    await writeStatus(lifecycle, dependencies, object, { violation }, context.signal);
    return { requeueAfterMs: violation.requeueAfterMs ?? 2_000 };
  }
  const others = present.filter((name) => name !== finalizer);
  await dependencies.cluster.patchFinalizers(lifecycle.resource, object, others, { signal: context.signal });
  return undefined;
}

async function releaseOrExplain<T extends ConditionedObject, Input>(
  lifecycle: Lifecycle<T, Input>,
  object: T,
  context: ReconcileContext,
): Promise<Violation | undefined> {
  try {
    return await lifecycle.release?.(object, context);
  } catch (error) {
    const violation = error instanceof ViolationError ? error.violation : violationOf(error);
    if (violation === undefined) throw error;
    context.log.warn({ error: messageOf(error) }, 'KMS state could not be released yet');
    const advice = `To delete the object and leave its KMS state behind, set the annotation ${abandonAnnotation}=true.`;
    return { reason: 'ReleaseBlocked', message: `${violation.message} ${advice}`, requeueAfterMs: 2_000 };
  }
}

async function writeStatus<T extends ConditionedObject, Input>(
  lifecycle: Lifecycle<T, Input>,
  dependencies: LifecycleDependencies,
  object: T,
  report: Report<StatusOf<T>>,
  signal: AbortSignal,
): Promise<void> {
  const { cluster, clock } = dependencies;
  const before: ConditionedStatus = object.status ?? {};
  const generation = object.metadata.generation ?? 0;
  const ready = readyCondition(report);
  const reports = [ready, ...(report.outcome?.conditions ?? [])];
  const conditions = reports.reduce<Condition[]>(
    (all, next) => [...setCondition(all, { ...next, observedGeneration: generation }, clock)],
    [...(before.conditions ?? [])],
  );
  const kept = report.outcome === undefined ? before : report.outcome.status;
  const status = { ...kept, conditions, observedGeneration: generation };
  if (isDeepStrictEqual(withoutUndefined(status), withoutUndefined(before))) return;
  const ref = { ...refOf(keyOf(object)), uid: object.metadata.uid };
  const { fieldManager } = lifecycle;
  await cluster.applyStatus(lifecycle.resource, ref, status as StatusOf<T>, { fieldManager, signal });
  announce(dependencies, object, before, ready);
}

function readyCondition<Status>({ outcome, violation }: Report<Status>): ConditionReport {
  if (violation !== undefined) {
    return { type: readyType, status: 'False', reason: violation.reason, message: violation.message };
  }
  return { type: readyType, status: 'True', reason: readyReason, message: outcome?.message ?? '' };
}

/** One event for a change of Ready, or of its reason; none for a repeated state. */
function announce(
  { recordEvent }: LifecycleDependencies,
  object: KubeObject,
  before: ConditionedStatus,
  ready: ConditionReport,
): void {
  const previous = before.conditions?.find((condition) => condition.type === readyType);
  if (previous?.status === ready.status && previous.reason === ready.reason) return;
  recordEvent(object, ready.status === 'True' ? 'Normal' : 'Warning', ready.reason, ready.message);
}

function withoutUndefined(value: object): unknown {
  return JSON.parse(JSON.stringify(value));
}
