import type { z } from 'zod';
import type { AccessRequest } from '../policy/decision.ts';
import type { Principal } from '../policy/principal.ts';

/** What an action knows about the request besides its input. */
export interface RequestContext {
  readonly principal: Principal;
  readonly requestId: string;
  /** Milliseconds since the Unix epoch at which the request was accepted. */
  readonly time: number;
  readonly sourceIp: string;
  readonly secureTransport: boolean;
  readonly signal: AbortSignal;
}

/**
 * What one call will do, made by looking things up once: the permissions it needs, and the work. Both speak about the
 * same objects, so an alias moved between the check and the work changes nothing.
 */
export interface ActionPlan {
  /**
   * What the caller must be allowed to do, all of it. A resource that does not exist is named as the caller named it:
   * a caller without permission learns nothing, and `run` answers "not found" to one who has it.
   */
  readonly access: readonly AccessRequest[];
  /** The permission that the call needs on everything, where a parameter chose it: the audit record then names it. */
  readonly permission?: string;
  /** Does the work and gives the response's fields, without RequestId. */
  run(): Promise<Record<string, unknown>>;
}

/** A row of the action table. Reached alike by every protocol. */
export interface Action<Input = never> {
  /** Such as `Encrypt`. */
  readonly name: string;
  readonly product: 'Kms' | 'Sts' | 'Ram' | 'Ims';
  /** Decodes the request's parameters: an object of strings, arrays and objects as the protocol gave them. */
  readonly input: z.ZodType<Input>;
  /** May be called without credentials (AssumeRoleWithOIDC and AssumeRoleWithCallerIdentity). */
  readonly anonymous?: true;
  /** Needs a valid signature but no permission (GetCallerIdentity, DescribeRegions). */
  readonly unauthorized?: true;
  plan(input: Input, context: RequestContext): Promise<ActionPlan> | ActionPlan;
  /**
   * The same action over a state that forgets what is written: what a dry run performs (KMS: DryRun). Made for each dry
   * run. Without it a dry run ends when the caller is found to be allowed.
   */
  readonly rehearsal?: () => Action<Input>;
}

/** API version of each product, as requests carry it. */
export const productVersions: Readonly<Record<Action['product'], string>> = {
  Kms: '2016-01-20',
  Sts: '2015-04-01',
  Ram: '2015-05-01',
  Ims: '2019-08-15',
};

/** The table: any input type, since each row decodes its own. */
export type AnyAction = Action<unknown>;

/** Puts a row of a known input type into the table. The schema guards the cast: `plan` only sees what it decoded. */
export function defineAction<Input>(action: Action<Input>): AnyAction {
  return action;
}
