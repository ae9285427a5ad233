import { describe, expect, it } from 'vitest';
import { WorkingCopies } from '../../src/hsm/working-copies.ts';

/** A token that says what was copied and what was destroyed. */
function scene() {
  const original = Buffer.from('original');
  const state = { nowMs: 1, made: 0, destroyed: [] as string[], gone: false };
  const copies = new WorkingCopies({
    copy: (handle) => {
      if (state.gone) throw new Error('the token does not have it');
      state.made += 1;
      return Buffer.from(`${handle.toString()} ${state.made}`);
    },
    destroy: (handle) => state.destroyed.push(handle.toString()),
    maxAgeMs: 1000,
    now: () => state.nowMs,
  });
  return { state, of: (id: string) => copies.of(id, () => original).toString(), drop: (id: string) => copies.drop(id) };
}

describe('Working copies', () => {
  it('are made once for many calls within a second', () => {
    const { state, of } = scene();
    const used = new Set(Array.from({ length: 100 }, () => of('a')));
    state.nowMs += 1000;
    used.add(of('a'));
    expect([...used]).toEqual(['original 1']);
    expect(state).toMatchObject({ made: 1, destroyed: [] });
  });

  it('are made anew after a second, and the old one is destroyed', () => {
    const { state, of } = scene();
    of('a');
    state.nowMs += 1001;
    expect(of('a')).toBe('original 2');
    expect(state.destroyed).toEqual(['original 1']);
  });

  it('end a second after their original at the latest', () => {
    const { state, of } = scene();
    of('a');
    state.gone = true;
    expect(of('a')).toBe('original 1');
    state.nowMs += 1001;
    expect(() => of('a')).toThrow('does not have it');
    expect(state.destroyed).toEqual(['original 1']);
  });

  it('are destroyed when their key is dropped, each by itself', () => {
    const { state, of, drop } = scene();
    of('a');
    of('b');
    drop('a');
    expect(state.destroyed).toEqual(['original 1']);
    expect(of('b')).toBe('original 2');
    expect(of('a')).toBe('original 3');
  });
});
