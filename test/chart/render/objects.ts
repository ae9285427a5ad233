import { join } from 'node:path';
import { expect } from 'vitest';
import { chart, helm, namespace, type RenderedObject } from '../programs.ts';

/** The part of a container that the tests look at. */
export interface Container {
  name: string;
  image: string;
  command?: string[];
  restartPolicy?: string;
  securityContext: unknown;
  env: { name: string; value?: string }[];
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean; subPath?: string }[];
  [field: string]: unknown;
}

/** The part of a pod that the tests look at. */
export interface Pod {
  securityContext: Record<string, unknown>;
  initContainers?: Container[];
  containers: Container[];
  volumes: { name: string; [source: string]: unknown }[];
  [field: string]: unknown;
}

/** Arguments that give values of `test/chart/values`. */
export const values = (name: string): string[] => ['--values', join(import.meta.dirname, '../values', `${name}.yaml`)];

export function find(objects: readonly RenderedObject[], kind: string, name: string): RenderedObject {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  return found ?? expect.unreachable(`no ${kind} ${name}`);
}

/** The pod that a Deployment or StatefulSet makes. */
export function podOf(objects: readonly RenderedObject[], kind: string, name: string): Pod {
  return (find(objects, kind, name)['spec'] as { template: { spec: Pod } }).template.spec;
}

export function containerOf({ initContainers = [], containers }: Pod, name: string): Container {
  const found = [...initContainers, ...containers].find((container) => container.name === name);
  return found ?? expect.unreachable(`no container ${name}`);
}

export const environmentOf = ({ env }: Container): Record<string, string | undefined> =>
  Object.fromEntries(env.map(({ name, value }) => [name, value]));

/** What is mounted, by path, as `volume` or `volume/subPath`. */
export const mountsOf = ({ volumeMounts }: Container): Record<string, string> =>
  Object.fromEntries(
    volumeMounts.map(({ name, mountPath, subPath }) => [
      mountPath,
      subPath === undefined ? name : `${name}/${subPath}`,
    ]),
  );

/** The text of a file in a ConfigMap. */
export function fileOf(objects: readonly RenderedObject[], configMap: string, file: string): string {
  const text = (find(objects, 'ConfigMap', configMap)['data'] as Record<string, string>)[file];
  return text ?? expect.unreachable(`${configMap} has no ${file}`);
}

/** What Helm says when it refuses. */
export function refusal(args: readonly string[]): string {
  const { status, errors } = helm(['template', 'kaap', chart, '--namespace', namespace, ...args]);
  expect(status).not.toBe(0);
  return errors;
}
