import { setImmediate as nextPhase } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createJointTurn } from '../../src/gateway/joint-turn.ts';

describe('the joint turn', () => {
  it('lets all who ask within one turn of the event loop go on step by step together, in the order of asking', async () => {
    const jointTurn = createJointTurn();
    const steps: string[] = [];
    const work = async (name: string): Promise<void> => {
      await jointTurn();
      steps.push(`${name} begins`);
      await Promise.resolve();
      steps.push(`${name} goes on`);
    };
    const first = work('a');
    process.nextTick(() => steps.push('all is taken in'));
    await Promise.all([first, work('b')]);
    expect(steps).toEqual(['all is taken in', 'a begins', 'b begins', 'a goes on', 'b goes on']);
  });

  it('does not let somebody who asks later go on with those before', async () => {
    const jointTurn = createJointTurn();
    let passed = 0;
    await jointTurn();
    const later = jointTurn().then(() => (passed += 1));
    await Promise.resolve();
    expect(passed).toBe(0);
    await later;
    expect(passed).toBe(1);
  });

  it('waits for nobody', async () => {
    const jointTurn = createJointTurn();
    let passed = false;
    void jointTurn().then(() => (passed = true));
    await nextPhase();
    expect(passed).toBe(true);
  });
});
