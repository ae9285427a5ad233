import { cpus } from 'node:os';

/** What a figure was measured on, for the record. */
export function machineName(): string {
  const all = cpus();
  return `${all.length} × ${all[0]?.model.trim() ?? 'unknown processor'}, Node ${process.version}`;
}
