import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Collects garbage all the time, in whatever process loads this module (`node --import`): memory that native code still
 * uses and nobody holds any more is then freed within moments, and not at the end of a long run by chance. Young objects
 * every few milliseconds, all of them every fiftieth time.
 */
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options: { type: 'minor' | 'major' }) => void;
const pauseMs = 3;
const majorEvery = 50;

function collectFrom(round: number): void {
  collect({ type: round % majorEvery === 0 ? 'major' : 'minor' });
  setTimeout(() => collectFrom(round + 1), pauseMs).unref();
}

collectFrom(0);
