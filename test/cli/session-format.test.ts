import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { sessionFormats, type SessionKey } from '../../src/cli/session-format.ts';

const variables = ['ALIBABA_CLOUD_ACCESS_KEY_ID', 'ALIBABA_CLOUD_ACCESS_KEY_SECRET', 'ALIBABA_CLOUD_SECURITY_TOKEN'];

/** What a program has that is started after `eval "$(kaap login)"`. */
function evaluated(shell: string, printed: string): string[] {
  const script = 'eval "$PRINTED"; exec "$NODE" -p "JSON.stringify(process.env)"';
  const env = { PATH: process.env['PATH'], PRINTED: printed, NODE: process.execPath, HOME: '/nonexistent' };
  const environment = JSON.parse(execFileSync(shell, ['-c', script], { env, encoding: 'utf8' })) as NodeJS.ProcessEnv;
  return variables.map((name) => environment[name] ?? '');
}

const texts = [
  'STS.plain',
  'base64+/==',
  "it's, twice: ''",
  '$HOME `id` $(id) \\ "double" *',
  'two\nlines\n',
  '; touch /tmp/never # & | < > ~ ! {a,b}',
  '',
];

describe('kaap login --format env', () => {
  it.each(['sh', 'bash'].flatMap((shell) => texts.map((text) => [shell, text])))(
    'is read by %s with the exact values of %j',
    (shell, text) => {
      const key: SessionKey = { accessKeyId: text, accessKeySecret: `${text}2`, securityToken: `3${text}` };
      expect(evaluated(shell, sessionFormats['env']?.(key) ?? '')).toEqual([text, `${text}2`, `3${text}`]);
    },
  );
});

describe('kaap login --format json', () => {
  it('names the parts as the API does', () => {
    const key: SessionKey = { accessKeyId: 'a"b', accessKeySecret: 's', securityToken: 't' };
    expect(JSON.parse(sessionFormats['json']?.(key) ?? '')).toEqual({
      AccessKeyId: 'a"b',
      AccessKeySecret: 's',
      SecurityToken: 't',
    });
  });
});
