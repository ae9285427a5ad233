/**
 * Why a pod is not admitted, or why the agent gives up: one or two sentences that say what to change. The text reaches
 * the pod's author (and events, and logs), so it names objects and never holds a value.
 */
export class Refusal extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Refusal';
  }
}
