/** Why an object is not Ready: a stable PascalCase reason, and a message that says what to do. */
export interface Violation {
  reason: string;
  message: string;
  /** Look again after this time, where nothing that is watched will tell. */
  requeueAfterMs?: number;
}

/** One readiness rule: a pure function of what was gathered. `undefined` means that it holds. */
export type Check<Input> = (input: Input) => Violation | undefined;

/** The first rule of the chain that does not hold. Order matters: earlier rules explain later ones. */
export function firstViolation<Input>(checks: readonly Check<Input>[], input: Input): Violation | undefined {
  for (const check of checks) {
    const violation = check(input);
    if (violation !== undefined) return violation;
  }
  return undefined;
}

/** Thrown while acting when KMS state, not an error, stands in the way. Becomes the Ready condition. */
export class ViolationError extends Error {
  readonly violation: Violation;

  constructor(violation: Violation) {
    super(violation.message);
    this.name = 'ViolationError';
    this.violation = violation;
  }
}
