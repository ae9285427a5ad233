import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../lib/errors.ts';
import { shutdownSignal } from '../lib/signals.ts';
import { agentConfigVariable, parseAgentConfig } from '../../webhook/agent/agent-config.ts';
import type { EndpointFactory } from '../../webhook/agent/endpoint/local-endpoint.ts';
import { holdUntil } from '../../webhook/agent/hold.ts';
import { kmsReaders } from '../../webhook/agent/kms-reader.ts';
import { runAgent } from '../../webhook/agent/run-agent.ts';
import { RestartNeeded } from '../../webhook/agent/refresh.ts';
import type { AgentLog } from '../../webhook/agent/source-value.ts';
import { leaveTerminationMessage } from '../../webhook/agent/termination.ts';
import { restartExitCode } from '../../webhook/layout.ts';

/** Loaded where a pod has one, and nowhere else. */
const endpoint: EndpointFactory = async (...configured) =>
  (await import('../../webhook/agent/endpoint/local-endpoint.ts')).startLocalEndpoint(...configured);

/** Before a failure ends the process: time for a log collector, and no busy loop where nothing holds restarts back. */
const farewellMs = 1000;

const writeLine = (level: string, fields: object, message: string): void => {
  process.stderr.write(
    `${JSON.stringify({ level, time: new Date().toISOString(), name: 'agent', ...fields, msg: message })}\n`,
  );
};

/** JSON lines as the other processes write them. No logging library: this process starts before every pod does. */
const log: AgentLog = {
  info: (fields, message) => writeLine('info', fields, message),
  warn: (fields, message) => writeLine('warn', fields, message),
};

async function main(): Promise<void> {
  // The application's user is another one: folders must be open to it, files have the modes they are given.
  process.umask(0o022);
  const signal = shutdownSignal();
  try {
    const config = parseAgentConfig(process.env[agentConfigVariable] ?? '');
    await runAgent(config, { signal, log, readers: kmsReaders(config), endpoint, hold: holdUntil });
  } catch (error) {
    if (error instanceof RestartNeeded) {
      writeLine('info', { reason: error.message }, 'the containers of this pod start again');
      process.exit(restartExitCode);
    }
    leaveTerminationMessage(messageOf(error));
    writeLine('error', { reason: messageOf(error) }, 'the secrets of this pod cannot be delivered');
    await sleep(farewellMs, undefined, { signal }).catch(() => undefined);
    process.exitCode = signal.aborted ? 0 : 1;
  }
  // Kept-alive connections must not hold up the end of the pod.
  process.exit();
}

void main();
