import type { GeneratorThread } from './generator-thread.ts';
import type { ServerProcess } from './server-process.ts';

/** Servers that are measured as one: what they use together. Closing is left to whoever started them. */
export function joinServers(servers: readonly [ServerProcess, ...ServerProcess[]]): ServerProcess {
  return {
    ...servers[0],
    usage: async () => {
      const all = await Promise.all(servers.map((server) => server.usage()));
      return {
        cpuMs: sum(all.map(({ cpuMs }) => cpuMs)),
        rssMiB: sum(all.map(({ rssMiB }) => rssMiB)),
        loopP99Ms: Math.max(...all.map(({ loopP99Ms }) => loopP99Ms)),
      };
    },
    close: () => Promise.resolve(),
  };
}

/** Load generators that run at the same time, as one. */
export function joinGenerators(generators: readonly GeneratorThread[]): GeneratorThread {
  return {
    prepare: async () => void (await Promise.all(generators.map((generator) => generator.prepare()))),
    run: async () => {
      const all = await Promise.all(generators.map((generator) => generator.run()));
      return {
        requests: sum(all.map(({ requests }) => requests)),
        perSecond: sum(all.map(({ perSecond }) => perSecond)),
        latencies: all.flatMap(({ latencies }) => latencies),
        failures: sum(all.map(({ failures }) => failures)),
        busy: Math.max(...all.map(({ busy }) => busy)),
      };
    },
    close: async () => void (await Promise.all(generators.map((generator) => generator.close()))),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
