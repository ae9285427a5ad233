import type { ActionName } from './action-index.ts';
import type { Question } from './compiled-policy.ts';
import type { AccessRequest, Reason } from './decision.ts';
import type { Principal } from './principal.ts';

/** An access request, read once and ready to be put to every policy. */
export interface Asked extends Question {
  readonly principal: Principal;
  readonly request: AccessRequest;
  readonly action: ActionName;
  /** Of a KMS resource, such as `secret/shop/db`; empty for others. */
  readonly relativeId: string;
  /** An access point that allows the rest of the call allows this too. */
  readonly implied: boolean;
}

export function makeReason(
  { request }: Asked,
  policy: string,
  effect: Reason['effect'],
  message: string,
  statement?: number,
): Reason {
  const asked = `${request.action} on ${request.resource}`;
  return statement === undefined
    ? { policy, effect, request: asked, message }
    : { policy, statement, effect, request: asked, message };
}
