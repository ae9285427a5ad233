import { randomBytes } from 'node:crypto';
import { decodeInput } from '../../src/gateway/decode-input.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import type { Principal } from '../../src/policy/principal.ts';
import type { AnyAction, RequestContext } from '../../src/ports/action.ts';
import type { AccessFacts, AccessPointEntrance } from '../../src/ports/access-facts.ts';
import { createRamActions } from '../../src/ram/actions.ts';
import { loadIdentityPolicies } from '../../src/ram/identity-policies.ts';
import { MemoryStore } from '../../src/storage/memory-store.ts';

export const accountId = '1000000000000000';
export const root: Principal = { kind: 'Account', accountId, accessKeyId: 'root' };

/** RAM over a memory store, called as the gateway calls it: decode, plan, run. Everybody may do everything. */
export class RamScene {
  readonly clock: ManualClock = new ManualClock(Date.UTC(2026, 0, 1));
  readonly store: MemoryStore = new MemoryStore();
  /** Access points of the scene. */
  readonly entrances: AccessPointEntrance[] = [];
  /** When credentials of the scene were last used. */
  readonly lastUses: Map<string, number> = new Map();
  readonly facts: AccessFacts = {
    requestsFor: (action, resource) => Promise.resolve([{ action, resource, scope: 'shared' }]),
    accessPoint: (name) => Promise.resolve(this.entrances.find((entrance) => entrance.name === name)),
    accessPoints: () => Promise.resolve(this.entrances),
  };
  readonly actions: ReadonlyMap<string, AnyAction>;

  constructor() {
    const { store, clock } = this;
    const actions = createRamActions({
      store,
      clock,
      random: randomBytes,
      accountId,
      policySource: async (principal) => ({ identityPolicies: await loadIdentityPolicies(store, principal) }),
      facts: this.facts,
      ownProviders: ['kubernetes'],
      credentialUses: { lastUse: (id) => Promise.resolve(this.lastUses.get(id)) },
    });
    this.actions = new Map(actions.map((action) => [action.name, action]));
  }

  async call(
    name: string,
    parameters: Record<string, unknown> = {},
    principal: Principal = root,
  ): Promise<Record<string, unknown>> {
    return (await this.#plan(name, parameters, principal)).run();
  }

  /** The access an action asks for, as `action on resource`. */
  async access(name: string, parameters: Record<string, unknown> = {}, principal: Principal = root): Promise<string[]> {
    const { access } = await this.#plan(name, parameters, principal);
    return access.map(({ action, resource }) => `${action} on ${resource}`);
  }

  #plan(name: string, parameters: Record<string, unknown>, principal: Principal): ReturnType<AnyAction['plan']> {
    const action = this.actions.get(name);
    if (action === undefined) throw new Error(`there is no action ${name}`);
    const context: RequestContext = {
      principal,
      requestId: 'request',
      time: this.clock.now(),
      sourceIp: '127.0.0.1',
      secureTransport: true,
      signal: new AbortController().signal,
    };
    return action.plan(decodeInput(action, parameters), context);
  }
}

export const readSecrets: string = JSON.stringify({
  Version: '1',
  Statement: [{ Effect: 'Allow', Action: 'kms:GetSecretValue', Resource: '*' }],
});

export const trustAccount: string = JSON.stringify({
  Version: '1',
  Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { RAM: [`acs:ram::${accountId}:root`] } }],
});
