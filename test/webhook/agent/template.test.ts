import * as fc from 'fast-check';
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { SecretBytes } from '../../../src/lib/secret-bytes.ts';
import { renderBinding } from '../../../webhook/agent/render.ts';
import { anAgentBinding } from '../support/agent.ts';

function rendered(template: string, values: Record<string, string | Buffer>): Buffer {
  const binding = anAgentBinding({ env: [], files: [{ path: '/kaap/files/x/conf', template, mode: '0440' }] });
  const sources = Object.entries(values).map(([name, value]) => [name, new SecretBytes(Buffer.from(value as string))]);
  const { files } = renderBinding(binding, new Map(sources as [string, SecretBytes][]));
  return files[0]?.content.reveal() ?? Buffer.alloc(0);
}

const text = (template: string, values: Record<string, string | Buffer>): string =>
  rendered(template, values).toString('utf8');

test('a file is made of several sources and fields', () => {
  const values = {
    db: '{"user":"shop","password":"p@ss \'w\' $(X)","port":5432,"tls-name":["a","b"]}',
    host: 'db.example',
  };
  expect(
    text('{{ .db.user }}:{{ .db.password | urlencode }}@{{ .host }}:{{ .db.port }}/{{ .db.tls-name[1] }}', values),
  ).toBe('shop:p%40ss%20%27w%27%20%24%28X%29@db.example:5432/b');
});

test.each([
  ['base64', 'a\0b', 'YQBi'],
  ['json', 'a"\n', '"a\\"\\n"'],
  ['urlencode', "a/b'", 'a%2Fb%27'],
  ['shell', "it's", `'it'\\''s'`],
  ['xml', '<&"\'>', '&#60;&#38;&#34;&#39;&#62;'],
  ['trim', ' x\n', 'x'],
])('the function %s makes of %j the text %j', (name, value, expected) => {
  expect(text(`{{ .v | ${name} }}`, { v: value })).toBe(expected);
});

test('what a value holds is text, never a template', () => {
  expect(text('{{ .v }}', { v: '{{ .other }}{{ "x' })).toBe('{{ .other }}{{ "x');
});

test('A7: any text arrives exact, and through json and urlencode comes back the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (value) => {
      expect(text('<{{ .v }}>', { v: value })).toBe(`<${value}>`);
      expect(JSON.parse(text('{{ .v | json }}', { v: value }))).toBe(value);
      expect(decodeURIComponent(text('{{ .v | urlencode }}', { v: value }))).toBe(value);
      expect(Buffer.from(text('{{ .v | base64 }}', { v: value }), 'base64').toString('utf8')).toBe(value);
    }),
  );
});

test('A7: what shell quotes is one word to a shell, whatever is in it', () => {
  const value = `it's "$(id)" \`id\` \\ \n *`;
  const { stdout } = spawnSync('sh', ['-c', `printf %s ${text('{{ .v | shell }}', { v: value })}`], {
    encoding: 'utf8',
  });
  expect(stdout).toBe(value);
});

test('A7: bytes that are no text go through base64 and are refused as they are, without being shown', () => {
  const bytes = Buffer.from([0xff, 0x63, 0x61, 0x6e, 0x61, 0x72, 0x79]);
  expect(text('{{ .v | base64 }}', { v: bytes })).toBe(bytes.toString('base64'));
  for (const template of ['{{ .v }}', '{{ .v | trim }}']) {
    expect(() => text(template, { v: bytes })).toThrow('not UTF-8 text. Put it through base64.');
    expect(() => text(template, { v: bytes })).not.toThrow('canary');
  }
});

test('a field that is not there is refused and named', () => {
  expect(() => text('{{ .v.missing }}', { v: '{}' })).toThrow(
    'the field "missing" of the source v, which gives nothing',
  );
});
