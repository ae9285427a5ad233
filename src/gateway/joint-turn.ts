import { setImmediate as endOfPoll } from 'node:timers/promises';

/**
 * Makes what lets requests go on together: whoever asks for it waits until the event loop has taken in everything that lies
 * ready at its connections, and then all of them go on, in the order in which they asked.
 *
 * So each step of the pipeline is done for all of them before the next step begins, with its code and data at hand, instead
 * of the whole pipeline for one after the other: under load that takes half the processor time (docs/reference/performance.md).
 * What is looked up once in a turn of the event loop, such as whether the store has changed, is looked up once for all.
 * A request that comes alone does not wait for others.
 */
export function createJointTurn(): () => Promise<void> {
  let turn: Promise<void> | undefined;
  const end = (): void => {
    turn = undefined;
  };
  return () => (turn ??= endOfPoll().then(end));
}
