import { markOf, type Versions } from '../../api/version-mark.ts';

/** A pod of an owner, as far as a rollout looks at it. */
export interface OwnedPod {
  name: string;
  uid: string;
  ready: boolean;
  /** Whether a container of it fails to start again and again. */
  failing: boolean;
}

/** A workload whose pods take the binding. */
export interface Owner {
  kind: string;
  name: string;
  uid: string;
  /** What the last rollout wrote into the pod template; undefined before the first. */
  mark: string | undefined;
  /** Whether all pods are of the present template, and ready. */
  settled: boolean;
  pods: readonly OwnedPod[];
}

/** The pod that goes first: it was evicted, and what its owner makes instead has to become ready. */
export interface Canary {
  ownerUid: string;
  /** The pods of the owner before. */
  before: readonly string[];
}

export interface RolloutInput {
  /** As KMS has them now. */
  wanted: Versions;
  /** With which the pods are known to run; undefined when nobody has looked yet. */
  delivered: Versions | undefined;
  owners: readonly Owner[];
  canary: Canary | undefined;
  /** Whether the time for this rollout is over. */
  late: boolean;
}

/** The next step. */
export type RolloutStep =
  /** Nothing to restart: note the versions. */
  | { type: 'Record' }
  | { type: 'UpToDate' }
  | { type: 'EvictFirst'; owner: Owner; pod: OwnedPod }
  | { type: 'Roll'; owner: Owner }
  | { type: 'Await'; what: string }
  | { type: 'Complete' }
  | { type: 'GiveBack'; why: string };

/**
 * Decides the next step of bringing pods to the present versions. One pod first, where there are others to go on serving
 * meanwhile; then workload after workload, each by its own rolling update. What fails or takes too long is given back.
 */
export function nextStep(input: RolloutInput): RolloutStep {
  const { wanted, delivered, owners, canary, late } = input;
  if (delivered === undefined) return { type: 'Record' };
  if (markOf(delivered) === markOf(wanted)) return { type: 'UpToDate' };
  if (owners.length === 0) return { type: 'Complete' };
  const mark = markOf(wanted);
  const marked = owners.filter((owner) => owner.mark === mark);
  const failing = failure(canary === undefined ? marked : owners, canary);
  if (failing !== undefined) return { type: 'GiveBack', why: failing };
  if (late) return { type: 'GiveBack', why: 'the pods with the new version did not become ready in time' };
  const unsettled = marked.find((owner) => !owner.settled);
  if (unsettled !== undefined) return { type: 'Await', what: `${unsettled.kind} ${unsettled.name}` };
  const next = owners.find((owner) => owner.mark !== mark);
  if (next === undefined) return { type: 'Complete' };
  return marked.length > 0 ? { type: 'Roll', owner: next } : first(owners, next, canary);
}

function first(owners: readonly Owner[], next: Owner, canary: Canary | undefined): RolloutStep {
  if (canary !== undefined) {
    const owner = owners.find(({ uid }) => uid === canary.ownerUid);
    const made = replacements(owner, canary);
    const ready = owner === undefined || (made.length > 0 && made.every((pod) => pod.ready));
    return ready
      ? { type: 'Roll', owner: next }
      : { type: 'Await', what: `the first pod of ${owner.kind} ${owner.name}` };
  }
  const spared = owners.find(({ pods }) => pods.length > 1 && pods.every(({ ready }) => ready));
  const [pod] = spared?.pods ?? [];
  return spared === undefined || pod === undefined
    ? { type: 'Roll', owner: next }
    : { type: 'EvictFirst', owner: spared, pod };
}

function replacements(owner: Owner | undefined, canary: Canary): readonly OwnedPod[] {
  return (owner?.pods ?? []).filter(({ uid }) => !canary.before.includes(uid));
}

/** A pod with the new version that fails. Pods from before are not to be blamed on it. */
function failure(owners: readonly Owner[], canary: Canary | undefined): string | undefined {
  for (const owner of owners) {
    const made = owner.uid === canary?.ownerUid ? replacements(owner, canary) : canary === undefined ? owner.pods : [];
    const pod = made.find(({ failing }) => failing);
    if (pod !== undefined) return `the pod ${pod.name} of ${owner.kind} ${owner.name} fails with the new version`;
  }
  return undefined;
}
