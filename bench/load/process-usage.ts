import { readFileSync } from 'node:fs';

/** What a process has used, by `/proc` (proc_pid_status(5), proc_pid_stat(5)). */
export interface ProcessUsage {
  /** Resident memory now, in MiB. */
  residentMiB: number;
  /** The most that was ever resident, in MiB. */
  peakMiB: number;
  /** Seconds of processor time, user and system. */
  cpuSeconds: number;
}

/** Ticks of `utime` and `stime` in a second: fixed by the kernel's ABI. */
const ticksPerSecond = 100;

/** Reads the usage of a process of this machine. Throws when it is gone. */
export function usageOf(pid: number): ProcessUsage {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold spaces; fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return {
    residentMiB: kibibytes(status, 'VmRSS') / 1024,
    peakMiB: kibibytes(status, 'VmHWM') / 1024,
    cpuSeconds: ticks / ticksPerSecond,
  };
}

function kibibytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? Number.NaN);
}

/** Resident memory of a process, and what of it no other process has. */
export interface Resident {
  residentMiB: number;
  privateMiB: number;
}

/** Reads what is resident (proc_pid_smaps(5)). Throws when the process is gone. */
export function residentOf(pid: number): Resident {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const privateKiB = kibibytes(rollup, 'Private_Clean') + kibibytes(rollup, 'Private_Dirty');
  return { residentMiB: kibibytes(rollup, 'Rss') / 1024, privateMiB: privateKiB / 1024 };
}
