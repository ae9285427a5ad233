import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { adviceFor, leaveTerminationMessage, ruleOf, terminationMessage } from '../../../webhook/agent/termination.ts';
import { aFolder } from '../support/agent.ts';

describe('the last words of the agent', () => {
  test.each([
    ['Forbidden.ResourceNotFound', 'Create the secret'],
    ['Forbidden.NoPermission', 'Let a policy of the access point shop allow it'],
    ['EntityNotExist.Role', 'ApplicationAccessPoint shop is Ready'],
    ['AuthenticationFail.OIDCToken.Invalid', 'lists the service account of this pod'],
    ['Rejected.PendingDeletion', 'Enable or restore'],
    ['SomethingElse', 'See the log of the KMS'],
  ])('say what to do about %s', (code, advice) => {
    expect(adviceFor(code, 'shop')).toContain(advice);
  });

  test('name the rule that refused', () => {
    expect(ruleOf({ PolicyType: 'RbacPolicy', Empty: '' })).toBe(' [PolicyType: RbacPolicy]');
    expect(ruleOf(undefined)).toBe('');
  });

  test('fit into what the kubelet keeps, cut between characters', () => {
    const message = terminationMessage('€'.repeat(5000));
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(4096);
    expect(message).toMatch(/^€+…$/);
    expect(terminationMessage('short')).toBe('short');
  });

  test('go to the file that the kubelet made, and to no other', () => {
    const path = join(aFolder(), 'termination-log');
    leaveTerminationMessage('reason', path);
    expect(() => readFileSync(path)).toThrow('ENOENT');
    writeFileSync(path, '');
    leaveTerminationMessage('reason', path);
    expect(readFileSync(path, 'utf8')).toBe('reason');
  });
});
