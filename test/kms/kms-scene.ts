import { randomBytes } from 'node:crypto';
import { decodeInput } from '../../src/gateway/decode-input.ts';
import { createKmsActions } from '../../src/kms/actions.ts';
import type { InstanceDescription, KmsDependencies } from '../../src/kms/dependencies.ts';
import { KeyUses, type KeyUsesOptions } from '../../src/kms/key-uses.ts';
import { OwnChanges } from '../../src/kms/own-changes.ts';
import { SecretConsumers } from '../../src/kms/secret-consumers.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { ApiError } from '../../src/lib/errors.ts';
import type { AccessRequest } from '../../src/policy/decision.ts';
import type { Principal } from '../../src/policy/principal.ts';
import type { AuditSink } from '../../src/ports/audit-sink.ts';
import type { ActionPlan, AnyAction, RequestContext } from '../../src/ports/action.ts';
import { SoftwareProvider } from '../../src/providers/software-provider.ts';
import { MemoryStore } from '../../src/storage/memory-store.ts';

export const account = '1000000000000000';
export const arn = (relative: string): string => `acs:kms:local:${account}:${relative}`;

const root: Principal = { kind: 'Account', accountId: account, accessKeyId: 'root' };

/** The answer of an action, as tests look into it. */
export type Answer = Record<string, unknown>;

/** KMS over a memory store, called as the gateway calls it: decode, plan, authorize, run. Everybody may do everything. */
export class KmsScene {
  readonly clock: ManualClock = new ManualClock(Date.UTC(2026, 0, 1));
  readonly store: MemoryStore = new MemoryStore();
  readonly provider: SoftwareProvider = new SoftwareProvider({ random: randomBytes });
  readonly dependencies: KmsDependencies;
  /** What KMS did by itself, as `action resources outcome`. */
  readonly ownChanges: string[] = [];
  readonly audit: Pick<AuditSink, 'append'> = {
    append: async ({ action, resources, outcome }) => {
      this.ownChanges.push(`${action} ${resources.join()} ${outcome}`);
    },
  };
  readonly #actions: ReadonlyMap<string, AnyAction>;

  /** `providers` are those besides the software provider. */
  constructor(
    instances: readonly InstanceDescription[] = [{ id: 'kst-one', type: 'Software' }],
    providers: KmsDependencies['providers'] = {},
    useOptions: KeyUsesOptions = {},
    besides: Pick<KmsDependencies, 'accessKeys' | 'rotationHook'> = {},
  ) {
    this.dependencies = {
      store: this.store,
      providers: { software: this.provider, ...providers },
      uses: new KeyUses(this.store, useOptions),
      consumers: new SecretConsumers({ store: this.store, region: 'local', accountId: account }),
      ownChanges: new OwnChanges({ audit: this.audit, clock: this.clock, random: randomBytes }),
      clock: this.clock,
      random: randomBytes,
      region: 'local',
      accountId: account,
      instances,
      ...besides,
    };
    this.#actions = new Map(createKmsActions(this.dependencies).map((action) => [action.name, action]));
  }

  get actionNames(): string[] {
    return [...this.#actions.keys()];
  }

  async plan(name: string, parameters: Record<string, unknown> = {}, principal: Principal = root): Promise<ActionPlan> {
    const action = this.#actions.get(name);
    if (action === undefined) throw new Error(`there is no action ${name}`);
    const input = decodeInput(action, parameters);
    return action.plan(input, this.#context(principal));
  }

  /** Plans and runs. An action without any access would be open to everybody: that is refused here. */
  async call(name: string, parameters: Record<string, unknown> = {}, principal: Principal = root): Promise<Answer> {
    const plan = await this.plan(name, parameters, principal);
    const open = this.#actions.get(name)?.unauthorized === true;
    if (plan.access.length === 0 && !open) throw new Error(`${name} asks for no permission`);
    return plan.run();
  }

  /** The access an action asks for, as `action on resource`. */
  async access(name: string, parameters: Record<string, unknown> = {}): Promise<string[]> {
    return (await this.plan(name, parameters)).access.map(({ action, resource }) => `${action} on ${resource}`);
  }

  async accessRequests(name: string, parameters: Record<string, unknown> = {}): Promise<readonly AccessRequest[]> {
    return (await this.plan(name, parameters)).access;
  }

  /** The error of a call, as `Code: message`. */
  async failure(name: string, parameters: Record<string, unknown> = {}): Promise<string> {
    try {
      await this.call(name, parameters);
    } catch (error) {
      if (error instanceof ApiError) return `${error.code}: ${error.message}`;
      throw error;
    }
    throw new Error(`${name} succeeded`);
  }

  /** A new key's id. */
  async newKey(parameters: Record<string, unknown> = {}): Promise<string> {
    const { KeyMetadata } = (await this.call('CreateKey', parameters)) as { KeyMetadata: { KeyId: string } };
    return KeyMetadata.KeyId;
  }

  async keyState(keyId: string): Promise<string> {
    const { KeyMetadata } = (await this.call('DescribeKey', { KeyId: keyId })) as { KeyMetadata: { KeyState: string } };
    return KeyMetadata.KeyState;
  }

  #context(principal: Principal): RequestContext {
    return {
      principal,
      requestId: 'request',
      time: this.clock.now(),
      sourceIp: '127.0.0.1',
      secureTransport: true,
      signal: new AbortController().signal,
    };
  }
}
