import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAgentConfig, type AgentConfig } from '../../../webhook/agent/agent-config.ts';
import { DecodeError } from '../../../webhook/agent/decode.ts';
import { anAgentBinding, anAgentConfig } from '../support/agent.ts';

const config = anAgentConfig('/kaap', [
  anAgentBinding({ files: [{ path: '/kaap/files/a/b', source: 'db', mode: '0440' }], refreshSeconds: 60 }),
  anAgentBinding({
    name: 'legacy',
    identity: { method: 'ClientKey', clientKeyFile: '/kaap/client-key/shop/client-key.json', passwordFile: '/p' },
    sources: [{ name: 'db', ciphertextBlob: 'AAAA', encryptionContext: { app: 'x' } }],
  }),
]);

/** The configuration with one place of it changed. */
function changed(path: string, value: unknown): string {
  const copy = structuredClone(config) as unknown as Record<string, unknown>;
  const parts = path.split('.');
  const last = parts.pop() ?? '';
  const parent = parts.reduce((node, part) => node[part] as Record<string, unknown>, copy);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return JSON.stringify(copy);
}

describe('the configuration of an agent', () => {
  test('is read as it was written', () => {
    expect(parseAgentConfig(JSON.stringify(config))).toEqual(config);
  });

  test.each([
    ['version', 2, 'version must be 1'],
    ['endpoint', 'http://kms', 'endpoint must match'],
    ['endpoint', undefined, 'endpoint is missing'],
    ['extra', 1, 'the document has the unknown field "extra"'],
    ['bindings.0.extra', 1, 'bindings[0] has the unknown field "extra"'],
    ['bindings.0.identity.method', 'None', 'bindings[0].identity.method must be one of ServiceAccountRole, ClientKey'],
    ['bindings.0.identity.method', 'constructor', 'must be one of'],
    ['bindings.0.identity.tokenFile', '/a/../b', 'bindings[0].identity.tokenFile must match'],
    ['bindings.0.files.0.path', 'relative', 'bindings[0].files[0].path must match'],
    ['bindings.0.files.0.mode', '440', 'bindings[0].files[0].mode must match'],
    ['bindings.0.env.0.name', 'A B', 'bindings[0].env[0].name must match'],
    ['bindings.0.env.0.source', 'x', 'bindings[0] uses the source x, which it does not have'],
    ['bindings.0.refreshSeconds', 1, 'must be an integer from 10 to 86400'],
    ['bindings.1.sources.0.encryptionContext', { a: 1 }, 'encryptionContext.a must be a string'],
  ])('with %s = %j is refused by name', (path, value, message) => {
    expect(() => parseAgentConfig(changed(path, value))).toThrow(message);
  });

  test('that is anything else is refused with a DecodeError, never another failure', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(() => parseAgentConfig(text)).toThrow(DecodeError);
      }),
    );
    expect((JSON.parse(JSON.stringify(config)) as AgentConfig).version).toBe(1);
  });
});
