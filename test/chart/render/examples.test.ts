import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { root, template } from '../programs.ts';
import { fileOf } from './objects.ts';

const example = (...path: string[]): string => join(root, 'examples', ...path);

/** Ids of the instances that the objects of an example name. */
function namedInstances(folder: string): string[] {
  const files = readdirSync(example(folder)).filter((name) => name.endsWith('.yaml'));
  const ids = files
    .flatMap((name) => parseAllDocuments(readFileSync(example(folder, name), 'utf8')))
    .flatMap((document) => [...document.toString().matchAll(/kst-[a-z0-9]+/g)].map(([id]) => id));
  return [...new Set(ids)];
}

describe('the values of the examples', () => {
  test.each([
    ['hardware-keys', 'try-out', 'Hardware'],
    ['hardware-keys', 'vendor', 'Hardware'],
    ['external-keys', 'kms', 'External'],
  ])('%s/chart/%s.yaml make the instance that its objects name', (folder, name, type) => {
    const objects = template(['--values', example(folder, 'chart', `${name}.yaml`)]);
    const instances = parse(fileOf(objects, 'kaap-kms-instances', 'instances.yaml')) as { id: string; type: string }[];
    expect(instances.map((instance) => [instance.id, instance.type])).toEqual(
      namedInstances(folder).map((id) => [id, type]),
    );
  });

  test('external-keys/chart/owner.yaml give the owner a proxy that shows the key of the example, and nothing else', () => {
    const values = ['--values', example('external-keys', 'chart', 'owner.yaml')];
    const objects = template([...values, '--show-only=templates/xki-proxy-*.yaml']);
    expect(fileOf(objects, 'kaap-xki-proxy', 'proxy.yaml')).toContain('payments');
    expect(objects.map(({ metadata }) => metadata.name)).toEqual(objects.map(() => 'kaap-xki-proxy'));
  });

  test('external-keys/chart/owner-hsm.yaml put the keys of that proxy into an HSM', () => {
    const files = ['owner', 'owner-hsm'].map((name) => example('external-keys', 'chart', `${name}.yaml`));
    const args = [...files.map((file) => `--values=${file}`), '--show-only=templates/xki-proxy-*.yaml'];
    expect(fileOf(template(args), 'kaap-xki-proxy', 'proxy.yaml')).toContain('kind: pkcs11');
  });
});
