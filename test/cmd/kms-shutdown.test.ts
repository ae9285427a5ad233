import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeKmsHome, startKmsProcess, type KmsHome, type KmsProcess } from '../support/kms-process.ts';

const lingerSeconds = 3;

let folder: string;
let home: KmsHome;
let kms: KmsProcess;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kaap-shutdown-'));
  home = await makeKmsHome(folder, { KAAP_LINGER_SECONDS: String(lingerSeconds) });
  kms = await startKmsProcess(home);
});
afterEach(async () => {
  await kms.end('SIGKILL');
  await rm(folder, { recursive: true });
});

/** A caller with one connection that stays open between its calls. */
class Caller {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  answers = 0;
  connections = 0;

  /** Whether the answer says that it is the last of its connection. */
  async ask(): Promise<boolean> {
    const asked = request(kms.endpoint, { agent: this.#agent, ca: home.caPem });
    asked.on('socket', () => (this.connections += asked.reusedSocket ? 0 : 1)).end();
    const [response] = (await once(asked, 'response')) as [import('node:http').IncomingMessage];
    await once(response.resume(), 'end');
    this.answers += 1;
    return response.headers.connection === 'close';
  }

  /** Asks until it is told to go elsewhere, as a balancer does with a connection; pauses so long between its calls. */
  async askUntilLast(pauseMs: number): Promise<void> {
    while (!(await this.ask())) await sleep(pauseMs);
  }

  close(): void {
    this.#agent.destroy();
  }
}

describe('kms that is told to end', () => {
  it('loses no request of clients that keep their connections, busy or not, and takes new ones meanwhile', async () => {
    const callers = Array.from({ length: 32 }, () => new Caller());
    const asking = Promise.all(callers.map((caller, index) => caller.askUntilLast(index * 10)));
    await expect.poll(() => callers.every(({ answers }) => answers > 1), { timeout: 20_000 }).toBe(true);
    const ended = kms.end('SIGTERM');
    await asking;
    expect(callers.map(({ connections }) => connections)).toEqual(callers.map(() => 1));
    const late = new Caller();
    expect(await late.ask()).toBe(true);
    await ended;
    await expect(late.ask()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    for (const caller of [...callers, late]) caller.close();
  });
});
