import type * as fc from 'fast-check';
import { expect } from 'vitest';
import type { Answer, KmsScene } from './kms-scene.ts';

export interface ModelStep<Model, Real> {
  action: string;
  parameters: (model: Model, real: Real) => Record<string, unknown>;
  /** The code with which the model says that it is refused. */
  refusal: (model: Model) => string | undefined;
  /** What becomes of the model otherwise. */
  change: (model: Model, real: Real, answer: Answer) => void;
  /** Whether both are alike afterwards. */
  agree: (model: Model, real: Real) => Promise<void>;
}

/** Calls an action, which is refused where the model says so, and otherwise changes both; then looks whether they agree. */
export function modelStep<Model extends object, Real extends { kms: KmsScene }>(
  step: ModelStep<Model, Real>,
): fc.AsyncCommand<Model, Real> {
  const { action, parameters, refusal, change, agree } = step;
  return {
    check: () => true,
    toString: () => action,
    run: async (model, real) => {
      const code = refusal(model);
      const asked = parameters(model, real);
      if (code === undefined) change(model, real, await real.kms.call(action, asked));
      else expect(await real.kms.failure(action, asked)).toMatch(`${code}: `);
      await agree(model, real);
    },
  };
}
