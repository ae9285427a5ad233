import * as fc from 'fast-check';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SecretBytes } from '../../../src/lib/secret-bytes.ts';
import { deliver } from '../../../webhook/agent/deliver.ts';
import { formatEnvironFile, maxEntryBytes } from '../../../webhook/agent/environ-file.ts';
import { renderBinding } from '../../../webhook/agent/render.ts';
import { Refusal } from '../../../webhook/refusal.ts';
import { aFolder, anAgentBinding, anAgentConfig } from '../support/agent.ts';

const format = (name: string, value: Buffer): Buffer => formatEnvironFile(new Map([[name, new SecretBytes(value)]]));

test('A7: any bytes without NUL are written as they are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (raw) => {
      const value = Buffer.from(raw);
      if (value.includes(0)) expect(() => format('X', value)).toThrow(Refusal);
      else expect(format('X', Buffer.from(value))).toEqual(Buffer.concat([Buffer.from('X='), value, Buffer.from([0])]));
    }),
  );
});

test('A7: 33 KiB arrive, and what Linux does not pass on is refused with its name and not its value', () => {
  expect(format('X', Buffer.alloc(33 * 1024, 'x')).length).toBe(33 * 1024 + 3);
  expect(format('X', Buffer.alloc(maxEntryBytes - 3, 'x')).length).toBe(maxEntryBytes);
  expect(() => format('X', Buffer.alloc(maxEntryBytes - 2, 'x'))).toThrow('The variable X has a value that is longer');
  const many = new Map(Array.from({ length: 9 }, (_, i) => [`V${i}`, new SecretBytes(Buffer.alloc(127 * 1024, 'x'))]));
  expect(() => formatEnvironFile(many)).toThrow('the wrapper takes 1048576');
});

test('a delivery puts the wrapper and the variables of each container beside each other, and nothing into the file of the kubelet', async () => {
  const folder = aFolder();
  mkdirSync(join(folder, 'image'));
  writeFileSync(join(folder, 'image', 'kaap-exec'), 'program');
  const environs = ['one', 'two'].map((name) => join(folder, 'exec', name, 'environ'));
  const binding = anAgentBinding({
    env: [
      { name: 'A', source: 'db', environs },
      { name: 'B', source: 'db', field: 'p', environs: environs.slice(1) },
      { name: 'K', source: 'db', field: 'k' },
    ],
  });
  const config = { ...anAgentConfig(folder, [binding]), execProgram: join(folder, 'image', 'kaap-exec') };
  const value = `{"p":"it's","k":"plain"}`;
  const rendered = (): ReturnType<typeof renderBinding> =>
    renderBinding(binding, new Map([['db', SecretBytes.fromUtf8(value)]]));
  const delivered = await deliver(config, [rendered()]);
  expect(delivered.env).toEqual([...environs, config.envFile]);
  expect(environs.map((path) => readFileSync(path, 'utf8'))).toEqual([`A=${value}\0`, `A=${value}\0B=it's\0`]);
  expect(readFileSync(config.envFile, 'utf8')).toBe("K='plain'\n");
  const program = join(folder, 'exec', 'two', 'kaap-exec');
  expect(readFileSync(program, 'utf8')).toBe('program');
  expect((statSync(program).mode & 0o777).toString(8)).toBe('555');
  expect((statSync(environs[0] ?? '').mode & 0o777).toString(8)).toBe('440');
  expect(await deliver(config, [rendered()])).toEqual({ files: [], env: [] });
});
