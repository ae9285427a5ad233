import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, inject } from 'vitest';
import { parseAllDocuments } from 'yaml';

/** Root of the checkout. */
export const root: string = join(import.meta.dirname, '../..');
export const chart: string = join(root, 'charts/kaap');
export const namespace = 'kaap-system';

/** What a program said. */
export interface Outcome {
  status: number | null;
  /** Standard output. */
  output: string;
  /** Standard error. */
  errors: string;
}

const helmHome = mkdtempSync(join(tmpdir(), 'kaap-helm-'));
afterAll(() => rmSync(helmHome, { recursive: true, force: true }));

function run(program: string, args: readonly string[], input?: string): Outcome {
  const env = {
    ...process.env,
    KUBECONFIG: inject('kubeconfig'),
    HELM_CACHE_HOME: helmHome,
    HELM_CONFIG_HOME: helmHome,
    HELM_DATA_HOME: helmHome,
  };
  const options = { env, encoding: 'utf8', maxBuffer: 64 * 2 ** 20, timeout: 50_000 } as const;
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    ...options,
    ...(input !== undefined && { input }),
  });
  if (error) throw error;
  return { status, output: stdout, errors: stderr };
}

/** Runs kubectl as an administrator. `input` goes to standard input. */
export function kubectl(args: readonly string[], input?: string): Outcome {
  return run(inject('kubectl'), args, input);
}

export function helm(args: readonly string[]): Outcome {
  return run(inject('helm'), args);
}

/** The standard output of what must have succeeded. */
export function succeeded({ status, output, errors }: Outcome): string {
  if (status !== 0) throw new Error(`ended with ${status}: ${errors}${output}`);
  return output;
}

/** The parts of a Kubernetes object that tests look at. */
export interface RenderedObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  [field: string]: unknown;
}

/** What the chart makes of these arguments, as text. */
export function templateText(args: readonly string[] = []): string {
  return succeeded(helm(['template', 'kaap', chart, '--namespace', namespace, ...args]));
}

/** What the chart makes of these arguments, as objects. */
export function template(args: readonly string[] = []): RenderedObject[] {
  const documents = parseAllDocuments(templateText(args), { version: '1.1' });
  return 'empty' in documents ? [] : documents.map((document) => document.toJS() as RenderedObject);
}
