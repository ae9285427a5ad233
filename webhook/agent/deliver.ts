import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { SecretBytes } from '../../src/lib/secret-bytes.ts';
import { execPlaces } from '../layout.ts';
import { Refusal } from '../refusal.ts';
import type { AgentConfig } from './agent-config.ts';
import { formatEnvFile } from './env-file.ts';
import { formatEnvironFile } from './environ-file.ts';
import type { Rendered, RenderedVariable } from './render.ts';
import { writeInPlace } from './write.ts';

/** The env file is for the kubelet, which is root. */
const envFileMode = 0o600;

/** What the wrapper reads, in the container of the application: open to the group that files are open to. */
const environMode = 0o440;
const programMode = 0o555;

/** What a delivery changed, by path. */
export interface Delivered {
  files: string[];
  /** Files of environment variables. */
  env: string[];
}

/**
 * Writes what the bindings deliver: files, then variables, then, last, the ready file. Whatever cannot be expressed is
 * refused before anything is written.
 */
export async function deliver(config: AgentConfig, rendered: readonly Rendered[]): Promise<Delivered> {
  const envFiles = formatVariables(config, rendered);
  const delivered: Delivered = { files: [], env: [] };
  try {
    for (const { path, mode, content } of rendered.flatMap(({ files }) => files)) {
      if (await writeInPlace(path, content.reveal(), mode)) delivered.files.push(path);
    }
    for (const { path, mode, content } of envFiles) {
      if (await writeInPlace(path, content, mode)) delivered.env.push(path);
    }
  } finally {
    for (const { content } of envFiles) content.fill(0);
  }
  await installWrapper(config);
  await writeInPlace(config.readyFile, Buffer.from('ready\n'), 0o444);
  return delivered;
}

interface EnvFile {
  path: string;
  mode: number;
  content: Buffer;
}

function formatVariables({ envFile }: AgentConfig, rendered: readonly Rendered[]): EnvFile[] {
  const variables = rendered.flatMap(({ env }) => env);
  const kubelet = merged(variables.filter(({ environs }) => environs === undefined));
  const environs = [...new Set(variables.flatMap((variable) => variable.environs ?? []))];
  const wrapped = environs.map((path) => ({
    path,
    variables: merged(variables.filter((variable) => variable.environs?.includes(path))),
  }));
  return [
    ...wrapped.map((file) => ({ path: file.path, mode: environMode, content: formatEnvironFile(file.variables) })),
    { path: envFile, mode: envFileMode, content: formatEnvFile(kubelet) },
  ];
}

function merged(variables: readonly RenderedVariable[]): ReadonlyMap<string, SecretBytes> {
  const byName = new Map(variables.map(({ name, value }) => [name, value]));
  if (byName.size === variables.length) return byName;
  throw new Refusal('Two SecretBindings of this pod set one environment variable.');
}

async function installWrapper({ execProgram, bindings }: AgentConfig): Promise<void> {
  if (execProgram === undefined) return;
  const program = await readFile(execProgram);
  const environs = bindings.flatMap(({ env }) => env.flatMap((variable) => variable.environs ?? []));
  for (const folder of new Set(environs.map((path) => dirname(path)))) {
    await writeInPlace(join(folder, execPlaces.program), program, programMode);
  }
}
