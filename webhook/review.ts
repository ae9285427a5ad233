import type { Plan } from './plan.ts';
import type { PatchOperation } from './json-patch.ts';
import type { Pod } from './pod.ts';

/** Deepest nesting of a review. A pod with its managed fields stays under half of it. */
const maxDepth = 64;

/** Longest warning that the API server passes on, in characters. */
const maxWarningLength = 256;

/** What is asked: the request of an AdmissionReview (admission.k8s.io/v1) about a pod. */
export interface ReviewRequest {
  uid: string;
  /** Whether there is something to decide: a pod is being created. Anything else passes. */
  concernsUs: boolean;
  namespace: string;
  dryRun: boolean;
  pod: Pod;
}

/** The body is not a review. Answered with 400: there is no uid to answer to. */
export class ReviewError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ReviewError';
  }
}

/** Reads an AdmissionReview. Throws a {@link ReviewError} that says what is wrong with it. */
export function readReview(body: Buffer): ReviewRequest {
  checkDepth(body);
  const review = objectAt(parse(body), 'The body');
  if (review['apiVersion'] !== 'admission.k8s.io/v1' || review['kind'] !== 'AdmissionReview') {
    throw new ReviewError('The body is not an AdmissionReview of admission.k8s.io/v1.');
  }
  const request = objectAt(review['request'], 'request');
  const { uid, namespace, operation, subResource } = request;
  if (typeof uid !== 'string' || uid === '' || uid.length > 256) throw new ReviewError('request.uid is missing.');
  const kind = objectAt(request['kind'], 'request.kind');
  const isPod = kind['group'] === '' && kind['kind'] === 'Pod';
  const isWhole = subResource === undefined || subResource === '';
  const concernsUs = isPod && isWhole && operation === 'CREATE';
  return {
    uid,
    concernsUs,
    namespace: typeof namespace === 'string' ? namespace : '',
    dryRun: request['dryRun'] === true,
    pod: concernsUs ? podAt(request['object']) : { spec: { containers: [] } },
  };
}

/** The answer: an AdmissionReview with the decision. `code` is the HTTP status that the author of the pod sees. */
export function answerReview(uid: string, plan: Plan, code: number = 403): object {
  const response = plan.allowed
    ? { uid, allowed: true, ...patchFields(plan.patch), ...warningFields(plan.warnings) }
    : { uid, allowed: false, status: { status: 'Failure', code, message: `kaap: ${plan.message}` } };
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response };
}

function patchFields(patch: readonly PatchOperation[]): object {
  if (patch.length === 0) return {};
  return { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
}

function warningFields(warnings: readonly string[]): object {
  return warnings.length === 0 ? {} : { warnings: warnings.map((warning) => warning.slice(0, maxWarningLength)) };
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new ReviewError('The body is not JSON.');
  }
}

/** Bounds the nesting before anything is built of it. Braces inside strings do not count. */
function checkDepth(body: Buffer): void {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at];
    if (inString) {
      if (byte === 0x5c) at++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x7b || byte === 0x5b) depth++;
    else if (byte === 0x7d || byte === 0x5d) depth--;
    if (depth > maxDepth) throw new ReviewError(`The body is nested more than ${maxDepth} levels deep.`);
  }
}

/** The API server sends whole, valid pods; this much is looked at again because the plan relies on it. */
function podAt(value: unknown): Pod {
  const pod = objectAt(value, 'request.object');
  const spec = objectAt(pod['spec'], 'request.object.spec');
  objectAt(pod['metadata'], 'request.object.metadata');
  for (const list of ['containers', 'initContainers', 'volumes']) {
    const entries = spec[list] ?? (list === 'containers' ? undefined : []);
    if (!Array.isArray(entries)) throw new ReviewError(`request.object.spec.${list} is not a list.`);
    for (const entry of entries) objectAt(entry, `an entry of request.object.spec.${list}`);
  }
  return pod as unknown as Pod;
}

function objectAt(value: unknown, what: string): Record<string, unknown> {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new ReviewError(`${what} is not an object.`);
}
