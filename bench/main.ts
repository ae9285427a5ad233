/**
 * `npm run bench [NAME…]`: every benchmark, one after another, each in a process of its own. What counts are ratios
 * between figures of one run; absolute figures depend on the machine and on what else it does.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && file !== basename(import.meta.filename))
  .map((file) => basename(file, '.ts'));
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !names.includes(name));
if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(', ')}; known: ${names.join(', ')}`);

for (const name of asked.length > 0 ? asked : names) {
  process.stdout.write(`\n== ${name}\n`);
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, `${name}.ts`)], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
