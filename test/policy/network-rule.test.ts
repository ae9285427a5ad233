import { describe, expect, test } from 'vitest';
import { compileNetworkRule, networkRuleMatches, type NetworkRule } from '../../src/policy/network-rule.ts';
import { context } from '../support/policy-scene.ts';

const matches = (rule: Omit<NetworkRule, 'name'>, from: { sourceIp?: string; sourceVpc?: string }): boolean =>
  networkRuleMatches(compileNetworkRule({ name: 'r', ...rule }), { ...context, ...from });

describe('a network rule', () => {
  test.each(['Private', 'Public'] as const)('of type %s admits its addresses and blocks', (type) => {
    const rule = { type, sourcePrivateIp: ['192.168.0.0/16', '203.0.113.7', '2001:db8::/32'] };
    expect(matches(rule, { sourceIp: '192.168.255.1' })).toBe(true);
    expect(matches(rule, { sourceIp: '203.0.113.7' })).toBe(true);
    expect(matches(rule, { sourceIp: '2001:db8::1' })).toBe(true);
    expect(matches(rule, { sourceIp: '203.0.113.8' })).toBe(false);
  });

  test('of type VPC asks for the VPC and the address in it', () => {
    const rule = { type: 'VPC' as const, vpcId: 'vpc-1', sourcePrivateIp: ['10.0.0.0/8'] };
    expect(matches(rule, { sourceIp: '10.1.1.1', sourceVpc: 'vpc-1' })).toBe(true);
    expect(matches(rule, { sourceIp: '10.1.1.1', sourceVpc: 'vpc-2' })).toBe(false);
    expect(matches(rule, { sourceIp: '10.1.1.1' })).toBe(false);
    expect(matches(rule, { sourceIp: '11.1.1.1', sourceVpc: 'vpc-1' })).toBe(false);
  });

  test('of type VPC without addresses means the whole VPC', () => {
    const rule = { type: 'VPC' as const, vpcId: 'vpc-1', sourcePrivateIp: [] };
    expect(matches(rule, { sourceIp: '203.0.113.1', sourceVpc: 'vpc-1' })).toBe(true);
    expect(matches(rule, { sourceIp: '203.0.113.1' })).toBe(false);
  });

  test.each([
    ['without addresses', { type: 'Private' as const, sourcePrivateIp: [] }],
    ['of a VPC without its id', { type: 'VPC' as const, sourcePrivateIp: ['10.0.0.0/8'] }],
    ['with an empty VPC id', { type: 'VPC' as const, vpcId: '', sourcePrivateIp: [] }],
    ['D6: with leading zeros', { type: 'Private' as const, sourcePrivateIp: ['010.0.0.0/8'] }],
    ['D6: with a zone id', { type: 'Private' as const, sourcePrivateIp: ['fe80::1%eth0'] }],
    ['with two addresses in one text', { type: 'Private' as const, sourcePrivateIp: ['10.0.0.1,10.0.0.2'] }],
  ])('is refused %s', (_title, rule) => {
    expect(() => compileNetworkRule({ name: 'r', ...rule })).toThrow(
      expect.objectContaining({ code: 'InvalidParameter' }),
    );
  });
});
