import { isDeepStrictEqual } from 'node:util';
import { isReady, readyReason, readyType, type Condition } from '../api/condition.ts';
import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Random } from '../kube/backoff.ts';
import { setCondition } from '../kube/conditions.ts';
import type { ClusterApi } from '../kube/cluster-api.ts';
import type { Reconcile, ReconcileContext, ReconcileResult } from '../kube/controller.ts';
import type { KubeObject, ObjectKey, ResourceType, StatusOf } from '../kube/resource.ts';
import { applyDecidedStatus } from '../kube/status-write.ts';
import { firstViolation, ViolationError, type Check, type Violation } from './check.ts';
import { outageReason, violationOf, type KmsApi } from './kms-api.ts';

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
  /** Types of conditions that are about nothing any more. */
  dropConditions?: readonly string[];
  /** Look for drift after this time; ten minutes unless given. */
  requeueAfterMs?: number;
}

export interface ActContext<T extends ConditionedObject> extends ReconcileContext {
  /** Makes a status durable before acting goes on. */
  remember(status: StatusOf<T>): Promise<void>;
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
  act(object: T, input: Input, context: ActContext<T>): Promise<Outcome<StatusOf<T>>>;
  /** Takes KMS state away, for objects that hold some. A violation keeps the object, and says why. */
  release?(object: T, context: ReconcileContext): Promise<Violation | undefined>;
}

export interface LifecycleDependencies {
  cluster: ClusterApi;
  kms: KmsApi;
  clock: Clock;
  /** Decides when drift is looked for, so that not all objects are looked at in the same moment. */
  random: Random;
  /** Between two looks for drift where nothing happens, give or take a fifth. Ten minutes unless given. */
  driftIntervalMs?: number;
  /** Tells people about a transition. Must not throw. */
  recordEvent: (object: KubeObject, type: 'Normal' | 'Warning', reason: string, note: string) => void;
  /** Told after each look how many objects of a kind could not be looked after for an outage. Must not throw. */
  setStale?: (kind: string, objects: number) => void;
}

/** Marks the objects whose KMS state goes with them. */
export const finalizer = 'kaap.dev/kms-state';

/** An administrator's word that the KMS state is to be left behind: the object goes without it. */
export const abandonAnnotation = 'kaap.dev/abandon-kms-state';

const defaultDriftIntervalMs = 600_000;
/** Share of the interval by which looks for drift are early or late. */
const driftJitter = 0.2;

/** The condition that is True while the KMS cannot be asked and Ready says what was found before. */
export const staleType = 'Stale';

/** Turns a kind's lifecycle into a reconciler: finalizer, gather, checks, act, status, event. */
export function reconcilerOf<T extends ConditionedObject, Input>(
  lifecycle: Lifecycle<T, Input>,
  dependencies: LifecycleDependencies,
): Reconcile<T> {
  const stale = new Set<ObjectKey>();
  const note = (key: ObjectKey, isStale: boolean): void => {
    if (isStale) stale.add(key);
    else stale.delete(key);
    dependencies.setStale?.(lifecycle.resource.kind, stale.size);
  };
  return async (key, object, context) => {
    try {
      const result = object === undefined ? undefined : await look(lifecycle, dependencies, object, context);
      note(key, false);
      return result;
    } catch (error) {
      if (!context.signal.aborted) note(key, violationOf(error)?.reason === outageReason);
      throw error;
    }
  };
}

function look<T extends ConditionedObject, Input>(
  lifecycle: Lifecycle<T, Input>,
  dependencies: LifecycleDependencies,
  object: T,
  context: ReconcileContext,
): Promise<ReconcileResult | undefined> {
  const isGoing = object.metadata.deletionTimestamp !== undefined;
  return (isGoing ? letGo : bringInLine)(lifecycle, dependencies, object, context);
}

async function bringInLine<T extends ConditionedObject, Input>(
  lifecycle: Lifecycle<T, Input>,
  dependencies: LifecycleDependencies,
  object: T,
  context: ReconcileContext,
): Promise<ReconcileResult> {
  let report: Report<StatusOf<T>>;
  let failure: unknown;
  let held = object;
  try {
    held = await settleFinalizer(lifecycle, dependencies, object, context.signal);
    const input = await lifecycle.gather(held, context);
    const violation = firstViolation(lifecycle.checks, input);
    const remember = async (status: StatusOf<T>): Promise<void> => {
      const options = { fieldManager: lifecycle.fieldManager, signal: context.signal };
      const { name, namespace, uid } = held.metadata;
      const ref = { name, namespace, uid };
      held = await dependencies.cluster.applyStatus(lifecycle.resource, ref, status, options);
    };
    report =
      violation === undefined ? { outcome: await lifecycle.act(held, input, { ...context, remember }) } : { violation };
  } catch (error) {
    const violation = error instanceof ViolationError ? error.violation : violationOf(error);
    if (violation === undefined || context.signal.aborted) throw error;
    report = { violation };
    if (violation.requeueAfterMs === undefined && !(error instanceof ViolationError)) failure = error;
  }
  await writeStatus(lifecycle, dependencies, held, report, context.signal);
  if (failure !== undefined) throw failure;
  const requeueAfterMs = report.violation?.requeueAfterMs ?? report.outcome?.requeueAfterMs;
  return { requeueAfterMs: requeueAfterMs ?? nextLookMs(dependencies) };
}

function nextLookMs({ random, driftIntervalMs = defaultDriftIntervalMs }: LifecycleDependencies): number {
  return driftIntervalMs * (1 + driftJitter * (2 * random() - 1));
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
  const reports = conditionsOf(object, report);
  const dropped = report.outcome?.dropConditions ?? [];
  const lasting = (before.conditions ?? []).filter(
    ({ type }) => !dropped.includes(type) && (type !== staleType || isOutage(report)),
  );
  const conditions = reports.reduce<Condition[]>(
    (all, next) => [...setCondition(all, { ...next, observedGeneration: generation }, clock)],
    lasting,
  );
  const kept = report.outcome === undefined ? before : report.outcome.status;
  const status = { ...kept, conditions, observedGeneration: generation };
  if (isDeepStrictEqual(withoutUndefined(status), withoutUndefined(before))) return;
  const { fieldManager, resource } = lifecycle;
  const wrote = await applyDecidedStatus(cluster, resource, object, status as StatusOf<T>, { fieldManager, signal });
  if (wrote && reports[0] !== undefined) announce(dependencies, object, before, reports[0]);
}

function isOutage({ violation }: Report<unknown>): boolean {
  return violation?.reason === outageReason;
}

/**
 * What is to be said, most important first. While the KMS does not answer, an object that was Ready stays so: nothing was
 * found to be wrong with it. That nobody could look is a condition of its own.
 */
function conditionsOf(object: ConditionedObject, report: Report<unknown>): ConditionReport[] {
  const { outcome, violation } = report;
  if (violation === undefined) {
    const ready: ConditionReport = {
      type: readyType,
      status: 'True',
      reason: readyReason,
      message: outcome?.message ?? '',
    };
    return [ready, ...(outcome?.conditions ?? [])];
  }
  const { reason, message } = violation;
  if (isOutage(report) && isReady(object)) return [{ type: staleType, status: 'True', reason, message }];
  return [{ type: readyType, status: 'False', reason, message }];
}

/** One event for a change of what is to be said first, or of its reason; none for a repeated state. */
function announce(
  { recordEvent }: LifecycleDependencies,
  object: KubeObject,
  before: ConditionedStatus,
  report: ConditionReport,
): void {
  const previous = before.conditions?.find((condition) => condition.type === report.type);
  if (previous?.status === report.status && previous.reason === report.reason) return;
  recordEvent(object, report.reason === readyReason ? 'Normal' : 'Warning', report.reason, report.message);
}

function withoutUndefined(value: object): unknown {
  return JSON.parse(JSON.stringify(value));
}
