import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseTemplate, TemplateError, templateSources } from '../../src/api/file-template.ts';

describe('a template', () => {
  test('is text with values in it', () => {
    expect(parseTemplate('url=db://{{ .db.user | urlencode }}@{{.host}}\n')).toEqual([
      { text: 'url=db://' },
      { source: 'db', field: '"user"', functions: ['urlencode'] },
      { text: '@' },
      { source: 'host', functions: [] },
      { text: '\n' },
    ]);
  });

  test('names fields by path and position, and functions from left to right', () => {
    expect(parseTemplate('{{ .db.hosts[0].tls-name | trim | json }}')).toEqual([
      { source: 'db', field: '"hosts"[0]."tls-name"', functions: ['trim', 'json'] },
    ]);
  });

  test('writes two braces as a text of its own', () => {
    expect(parseTemplate('{{ "{{ .x }}" }}')).toEqual([{ text: '{{ .x }}' }]);
  });

  test('tells the sources that it uses, each once', () => {
    expect(templateSources(parseTemplate('{{ .a }}{{ .b.c }}{{ .a }}'))).toEqual(['a', 'b']);
  });

  test.each([
    ['{{ .db', '{{ without }}'],
    ['{{ db }}', 'no value'],
    ['{{ }}', 'no value'],
    ['{{ .db | upper }}', 'the function upper'],
    ['{{ .db | }}', 'the function '],
    ['{{ .db..x }}', 'no value'],
    ['{{ if .db }}x{{ end }}', 'no value'],
  ])('%s is refused, and the message says why', (template, why) => {
    expect(() => parseTemplate(template)).toThrow(TemplateError);
    expect(() => parseTemplate(template)).toThrow(why);
  });

  test.each([
    '{{ env "HOME" }}',
    '{{ .env | env }}',
    '{{ file "/etc/passwd" }}',
    '{{ lookup "v1" "Secret" "kube-system" "x" }}',
    '{{ http "https://example.com" }}',
    '{{ .db.__proto__ | constructor }}',
    '{{ .Env.HOME }}',
    '${process.env.HOME}{{ toString | trim }}',
  ])('B6: %s reaches neither environment, file nor network: it is no expression', (template) => {
    expect(() => parseTemplate(template)).toThrow(TemplateError);
  });

  test('of any text without braces is that text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        fc.pre(!text.includes('{{'));
        expect(parseTemplate(text)).toEqual(text === '' ? [] : [{ text }]);
      }),
    );
  });

  test('of any text at all is read or refused, never anything else', () => {
    const piece = fc.constantFrom('{{', '}}', '"', '.a', ' ', '|', 'json', '[0]', '.b', 'x');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        try {
          parseTemplate(pieces.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(TemplateError);
        }
      }),
    );
  });
});
