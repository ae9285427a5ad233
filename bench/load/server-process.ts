import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { RootCredential } from '../../src/cli/connection.ts';

/** How to reach a server, and who may. */
export interface ServerFacts {
  endpoint: string;
  caPem: string;
  accessKeyId: string;
  accessKeySecret: string;
  /** Milliseconds from opening its state to serving. */
  startMs: number;
}

/** What a server has used so far. */
export interface ServerUsage {
  /** Processor time of all its threads, in milliseconds. */
  cpuMs: number;
  /** Resident memory in MiB. */
  rssMiB: number;
  /** Slowest hundredth of the event loop's turns since the last question, in ms; 0 unless it is watched. */
  loopP99Ms: number;
}

/** A server in a process of its own, so that its processor time and memory are its own. */
export interface ServerProcess extends ServerFacts {
  usage(): Promise<ServerUsage>;
  close(): Promise<void>;
}

export interface ServerOptions {
  kind: 'bare' | 'kms';
  /** More of the process's environment variables, such as `KAAP_DATABASE_URL`. */
  environment?: Record<string, string>;
  /** Folder of the state; a temporary one unless given. */
  dataDir?: string;
  /** The account's root, where another replica on the same database has made it. */
  root?: RootCredential;
  /** Whether its event loop is watched, which costs it a timer every millisecond. */
  watchLoop?: boolean;
  /** Arguments of Node itself, such as `--cpu-prof`. */
  execArgv?: readonly string[];
}

/** Starts it and waits until it serves. */
export async function startServerProcess(options: ServerOptions): Promise<ServerProcess> {
  const { kind, environment = {}, dataDir = '', root, watchLoop = false, execArgv = [] } = options;
  const program = new URL('server-program.ts', import.meta.url);
  const texts = [JSON.stringify(environment), dataDir, JSON.stringify(root ?? null), String(watchLoop)];
  const child = fork(program, [kind, ...texts], { execArgv: [...execArgv] });
  const facts = await answer<ServerFacts>(child);
  return {
    ...facts,
    usage: () => {
      child.send('usage');
      return answer<ServerUsage>(child);
    },
    close: async () => {
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    },
  };
}

/** `once` rejects when the channel breaks: a server that ended does not answer. */
async function answer<T>(child: ChildProcess): Promise<T> {
  const [message] = (await once(child, 'message', { signal: endOf(child) })) as [T];
  return message;
}

const ends = new WeakMap<ChildProcess, AbortSignal>();

function endOf(child: ChildProcess): AbortSignal {
  const known = ends.get(child);
  if (known !== undefined) return known;
  const end = new AbortController();
  child.once('exit', (code) => end.abort(new Error(`A server under measurement ended with ${String(code)}.`)));
  ends.set(child, end.signal);
  return end.signal;
}
