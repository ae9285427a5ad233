import type { AccessContext } from './decision.ts';

/** A fact about a request: text, or an instant in milliseconds since the Unix epoch. */
export type Fact = string | number;

/** Where condition keys find their facts. */
export interface ConditionFacts {
  readonly context: AccessContext;
  readonly tags?: Readonly<Record<string, string>>;
  /** `oidc:iss`, `oidc:aud`, `oidc:sub`, `sts:ExternalId` of somebody who assumes a role. */
  readonly claims?: Readonly<Record<string, string>>;
}

/** How to read a condition key. `undefined`: the request has no such thing. */
export interface ConditionKey {
  readonly read: (facts: ConditionFacts) => Fact | undefined;
  /** Only in the trust policy of a role. */
  readonly trustOnly: boolean;
}

const everywhere = (read: ConditionKey['read']): ConditionKey => ({ read, trustOnly: false });
const claim = (name: string): ConditionKey => ({ read: (facts) => member(facts.claims, name), trustOnly: true });

function member(record: Readonly<Record<string, string>> | undefined, name: string): string | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}

/** Keys that are known by their whole name (RAM policy elements → common condition keys). */
const named: ReadonlyMap<string, ConditionKey> = new Map([
  ['acs:CurrentTime', everywhere(({ context }) => context.time)],
  ['acs:SecureTransport', everywhere(({ context }) => String(context.secureTransport))],
  ['acs:SourceIp', everywhere(({ context }) => context.sourceIp)],
  ['acs:SourceVpc', everywhere(({ context }) => context.sourceVpc)],
  ['acs:VpcSourceIp', everywhere(({ context }) => (context.sourceVpc === undefined ? undefined : context.sourceIp))],
  // Kaap has no second factor, and says so: a rule that asks for one denies.
  ['acs:MFAPresent', everywhere(() => 'false')],
  // Named in Alibaba's system policies for service-linked roles, which Kaap has none of.
  ['ram:ServiceName', everywhere(() => undefined)],
  ['oidc:iss', claim('oidc:iss')],
  ['oidc:aud', claim('oidc:aud')],
  ['oidc:sub', claim('oidc:sub')],
  ['sts:ExternalId', claim('sts:ExternalId')],
]);

const TAG_KEY = /^(?:acs:ResourceTag|kms:tag)\/(.{1,128})$/s;

/** The condition keys that Kaap knows. Names are case-sensitive. To add one, add a row. */
export const conditionKeys: {
  /** `undefined` for a key that Kaap does not know; a document that names one is refused. */
  find(name: string): ConditionKey | undefined;
} = {
  find(name) {
    const tag = TAG_KEY.exec(name)?.[1];
    return tag === undefined ? named.get(name) : everywhere(({ tags }) => member(tags, tag));
  },
};
