// SPDX-License-Identifier: Apache-2.0
/** `npm run agent`: the tests of what the agent is made of, on Bun, as it runs them in pods. Arguments go to vitest. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { agentEnvironment, bunProgram } from './runtime.ts';

const checkout = resolve(import.meta.dirname, '../..');
const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.agent.config.ts'];
const { status } = spawnSync(bunProgram(checkout), ['--bun', ...vitest, ...process.argv.slice(2)], {
  cwd: checkout,
  env: { ...process.env, ...agentEnvironment },
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
