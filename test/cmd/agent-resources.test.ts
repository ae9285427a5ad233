import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { agentResources, agentResourceVariables } from '../../src/cmd/agent-resources.ts';
import { readConfig } from '../../src/lib/config.ts';

const read = (environment: Record<string, string>): ReturnType<typeof agentResources> =>
  agentResources(readConfig(z.object(agentResourceVariables), environment));

describe('What agents ask for, by the settings of the webhook', () => {
  test('is left to the webhook where nothing is set', () => {
    expect(read({})).toEqual({});
    expect(read({ KAAP_AGENT_RESOURCES: '' })).toEqual({});
  });

  test('is what a container says in ordinary pods, and request and limit alike in guaranteed ones', () => {
    const burstable = { requests: { cpu: '25m' }, limits: { memory: '0.5Gi' } };
    const guaranteed = { cpu: '1', memory: '96Mi' };
    expect(
      read({
        KAAP_AGENT_RESOURCES: JSON.stringify(burstable),
        KAAP_AGENT_GUARANTEED_RESOURCES: JSON.stringify(guaranteed),
      }),
    ).toEqual({ burstable, guaranteed: { requests: guaranteed, limits: guaranteed } });
  });

  test.each([
    ['no JSON', 'KAAP_AGENT_RESOURCES', '{', /KAAP_AGENT_RESOURCES: must be JSON/],
    ['another resource', 'KAAP_AGENT_RESOURCES', '{"limits":{"example.com/gpu":"1"}}', /KAAP_AGENT_RESOURCES/],
    [
      'a word for a quantity',
      'KAAP_AGENT_RESOURCES',
      '{"limits":{"memory":"much"}}',
      /quantities such as 100m or 64Mi/,
    ],
    ['a limit without the other', 'KAAP_AGENT_GUARANTEED_RESOURCES', '{"cpu":"1"}', /KAAP_AGENT_GUARANTEED_RESOURCES/],
  ])('cannot be %s', (_title, name, value, message) => {
    expect(() => read({ [name]: value })).toThrow(message);
  });
});
