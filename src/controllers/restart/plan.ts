/** A pod whose containers start again when it is told to, as far as the order of turns looks at it. */
export interface TurnPod {
  namespace: string;
  name: string;
  uid: string;
  /** The versions with which it may start again; undefined while nobody has said. */
  mark: string | undefined;
  ready: boolean;
  /** Whether a container of it fails to start again and again. */
  failing: boolean;
  /** How often its agent has started again. */
  restarts: number;
  /** Whether its agent runs, and all other containers have started after it: in the middle of a restart they have not. */
  whole: boolean;
}

/** A turn that was given. */
export interface Turn {
  /** Of the agent until then. */
  restarts: number;
  /** Monotonic. */
  atMs: number;
  /** Whether the pod was not ready even before: nothing is learnt from it. */
  sick: boolean;
}

export interface RestartInput {
  /** Mark of the versions as KMS has them. */
  wanted: string;
  /** Of those with which pods are known to run; undefined when that is not known. */
  delivered: string | undefined;
  pods: readonly TurnPod[];
  /** By the uid of the pod. A pod may have the mark and no turn here: a former leader gave it. */
  turns: ReadonlyMap<string, Turn>;
  /** When this leader first saw the versions. */
  startedMs: number;
  nowMs: number;
  /** Whether the time for these restarts is over. */
  late: boolean;
}

/** The next step. */
export type RestartStep =
  /** Tells pods that were made since what they have: it is no news to them. */
  | { type: 'Note'; pods: readonly TurnPod[] }
  | { type: 'UpToDate' }
  | { type: 'First'; pod: TurnPod }
  | { type: 'Rest'; pods: readonly TurnPod[] }
  | { type: 'Await'; pod: TurnPod }
  | { type: 'Complete' }
  | { type: 'GiveBack'; why: string };

/** A pod that has its turn and does not start again within this time has nothing to start again for. */
const quietMs = 60_000;

/**
 * Decides the next step of starting pods again with the present versions: one first, then all others, once it has started
 * again and is ready. What fails or takes too long is given back.
 */
export function nextRestart(input: RestartInput): RestartStep {
  const { wanted, delivered, pods, turns, late } = input;
  if (delivered === wanted) {
    const unknowing = pods.filter(({ mark }) => mark === undefined);
    return unknowing.length === 0 ? { type: 'UpToDate' } : { type: 'Note', pods: unknowing };
  }
  const having = pods.filter(({ mark }) => mark === wanted);
  const failing = having.find(({ failing: fails, uid }) => fails && turns.get(uid)?.sick !== true);
  if (failing !== undefined) return { type: 'GiveBack', why: `the pod ${failing.name} fails with the new version` };
  const unfinished = having.filter((pod) => !isThrough(pod, input));
  // Where pods come and go, there is always one that is not through, and nothing wrong with it: one that is ready is
  // through in a minute at most, and one that is not has that minute, too, however late the others have made it.
  const stuck = unfinished.find((pod) => !pod.ready && hadItsMinute(pod, input));
  if (stuck !== undefined && late) {
    return { type: 'GiveBack', why: `the pod ${stuck.name} did not become ready in time with the new version` };
  }
  const waiting = unfinished.find(({ ready }) => !ready) ?? unfinished[0];
  if (waiting !== undefined) return { type: 'Await', pod: waiting };
  const rest = pods.filter(({ mark }) => mark !== wanted);
  const pod = rest.find(({ ready }) => ready) ?? rest[0];
  if (pod === undefined) return { type: 'Complete' };
  return having.length === 0 ? { type: 'First', pod } : { type: 'Rest', pods: rest };
}

function isThrough(pod: TurnPod, input: RestartInput): boolean {
  const { restarts: before, sick } = input.turns.get(pod.uid) ?? { restarts: -1, sick: false };
  if (sick) return true;
  return pod.ready && ((pod.restarts > before && pod.whole) || hadItsMinute(pod, input));
}

/** Whether a pod has had its turn for long enough; that of a former leader counts from when the versions were first seen. */
function hadItsMinute({ uid }: TurnPod, { turns, startedMs, nowMs }: RestartInput): boolean {
  return nowMs - (turns.get(uid)?.atMs ?? startedMs) >= quietMs;
}
