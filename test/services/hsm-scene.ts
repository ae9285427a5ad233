import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HsmClient } from '../../src/providers/pkcs11-client.ts';
import { Pkcs11Provider } from '../../src/providers/pkcs11-provider.ts';
import { createSoftHsmToken, type SoftHsmToken } from './softhsm-token.ts';

export const instance = 'kst-hsm0';

/** A token of SoftHSM2, the `hsm` process on it, and a provider that calls it. */
export interface HsmScene {
  readonly token: SoftHsmToken;
  readonly socket: string;
  readonly client: HsmClient;
  readonly provider: Pkcs11Provider;
  readonly process: ChildProcess;
  /** What the processes wrote. */
  log(): string;
  stop(): Promise<void>;
}

const source = resolve(import.meta.dirname, '../../src/cmd/hsm.ts');

/** Starts the process as the chart does: settings in the environment, the PIN in a file. */
export async function startHsm(
  environment: Record<string, string> = {},
  token?: SoftHsmToken,
  program: string = source,
): Promise<HsmScene> {
  const used = token ?? createSoftHsmToken();
  const socket = environment['KAAP_HSM_SOCKET'] ?? join(used.pinFile, '..', 'run', 'hsm.sock');
  const child = spawn(process.execPath, [program], {
    env: {
      PATH: process.env['PATH'] ?? '',
      SOFTHSM2_CONF: used.configurationFile,
      KAAP_HSM_MODULE: used.module,
      KAAP_HSM_TOKEN: used.label,
      KAAP_HSM_PIN_FILE: used.pinFile,
      KAAP_HSM_SOCKET: socket,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  for (let tries = 0; tries < 2400 && !existsSync(socket); tries += 1) await sleep(50);
  const client = new HsmClient({ socket, deadlineMs: 30_000 });
  const provider = new Pkcs11Provider({ clients: new Map([[instance, client]]), random: randomBytes });
  return {
    token: used,
    socket,
    client,
    provider,
    process: child,
    log: () => text,
    stop: async () => {
      await client.close();
      const ended = new Promise((done) => child.once('exit', done));
      child.kill('SIGTERM');
      await ended;
      if (token === undefined) used.remove();
    },
  };
}
