import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SecretBytes } from '../../../src/lib/secret-bytes.ts';
import type { AgentBinding } from '../../../webhook/agent/agent-config.ts';
import { renderBinding } from '../../../webhook/agent/render.ts';
import { anAgentBinding } from '../support/agent.ts';

function field(value: string | Buffer, expression?: string): Buffer {
  const use = expression === undefined ? { source: 'db' } : { source: 'db', field: expression };
  const binding: AgentBinding = { ...anAgentBinding(), env: [{ name: 'X', ...use }], files: [] };
  const values = new Map([['db', new SecretBytes(Buffer.from(value as string))]]);
  return renderBinding(binding, values).env[0]?.value.reveal() ?? Buffer.alloc(0);
}

describe('a field of a value', () => {
  test.each([
    ['{"password":"p w\\n"}', 'password', 'p w\n'],
    ['{"db":{"users":[{"n":"a"},{"n":"b"}]}}', 'db.users[1].n', 'b'],
    ['{"db":{"b":1,"a":[true,null]}}', 'db', '{"b":1,"a":[true,null]}'],
    ['{"port":5432}', 'port', '5432'],
    ['{"on":false}', 'on', 'false'],
    ['{"id":12345678901234567890,"v":1.0,"e":1e3}', '[id,v,e]', '[12345678901234567890,1.0,1e3]'],
    ['{"id":12345678901234567890}', 'id', '12345678901234567890'],
    ['{"__proto__":"x"}', '"__proto__"', 'x'],
    ['{"empty":""}', 'empty', ''],
  ])('of %j, %s is %j', (value, expression, expected) => {
    expect(field(value, expression).toString()).toBe(expected);
  });

  test.each([
    ['{"a":1}', 'b', 'gives nothing'],
    ['{"a":null}', 'a', 'gives nothing'],
    ['{"a":1}', 'toString', 'gives nothing'],
    ['{"a":1}', 'a b', 'not a JMESPath expression'],
    ['{"a":1}', 'length(a)', 'cannot be evaluated'],
    ['secret-canary', 'a', 'not JSON'],
    ['{"a":"\\ud800"}', 'a', 'not Unicode text'],
    [Buffer.from([0x22, 0xff, 0x22]), '@', 'not text'],
  ])('of %j, %s is refused: %s', (value, expression, reason) => {
    expect(() => field(value, expression)).toThrow(reason);
    expect(() => field(value, expression)).toThrow(
      `SecretBinding db: the variable X takes the field ${expression} of the source db`,
    );
  });

  test('H4: that cannot be had never shows the value in the reason', () => {
    const canary = 'canary-7f3a';
    for (const [value, expression] of [
      [canary, 'a'],
      [`{"a": ${canary}}`, 'a'],
      [`{"a": "${canary}"}`, 'abs(a)'],
      [`{"a": "${canary}"}`, 'b'],
    ] as const) {
      try {
        field(value, expression);
        expect.unreachable();
      } catch (error) {
        expect(String((error as Error).stack)).not.toContain(canary);
      }
    }
  });
});

test('A7: a value without a field arrives byte for byte, whatever it is', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(field(Buffer.from(bytes))).toEqual(Buffer.from(bytes));
    }),
  );
});
