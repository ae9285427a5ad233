import { createSecretKey, randomBytes } from 'node:crypto';
import { MemoryNonceStore } from '../../src/gateway/nonce-store.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { UnsecuredJWT } from 'jose';
import type { AccessPointEntry } from '../../src/ports/access-point-directory.ts';
import type { AnyAction, RequestContext } from '../../src/ports/action.ts';
import type { CallerIdentity, CallerIdentityProof } from '../../src/ports/caller-identity.ts';
import type { TokenVerifier, VerifiedToken } from '../../src/ports/identity.ts';
import type { RoleEntry } from '../../src/ports/role-directory.ts';
import type { Principal } from '../../src/policy/principal.ts';
import { createStsActions } from '../../src/sts/actions.ts';
import { createSessionOpener, type SealedSession } from '../../src/sts/session-token.ts';
import { accountId } from './policy-scene.ts';

/** What an answer of STS holds. */
export interface SessionAnswer {
  Credentials: { AccessKeyId: string; AccessKeySecret: string; SecurityToken: string; Expiration: string };
  AssumedRoleUser: { Arn: string; AssumedRoleId: string };
  OIDCTokenInfo?: Record<string, string>;
}

/** A token of the test's provider: unsigned, so only {@link StsScene}'s own verifier takes it. */
export function tokenFor(audience: string | string[], subject = 'system:serviceaccount:shop:web'): string {
  return new UnsecuredJWT({ aud: audience, sub: subject }).encode();
}

/** STS with roles and access points in lists, and a verifier that believes {@link tokenFor}. */
export class StsScene {
  readonly clock: ManualClock = new ManualClock(Date.UTC(2026, 0, 1));
  readonly roles: RoleEntry[] = [];
  readonly accessPoints: (AccessPointEntry & { roleName: string })[] = [];
  /** Audiences that the verifier was asked for. */
  readonly verified: string[] = [];
  /** Changes what the verifier answers. */
  answer: (token: VerifiedToken) => VerifiedToken | Promise<VerifiedToken> = (token) => token;
  /** Who the other account's STS says has signed. */
  identify: (proof: CallerIdentityProof) => Promise<CallerIdentity> = () =>
    Promise.reject(new Error('nobody is known'));
  /** What that STS was asked. */
  readonly proofs: CallerIdentityProof[] = [];
  readonly #nonces: MemoryNonceStore = new MemoryNonceStore({ clock: this.clock, salt: randomBytes(32) });
  readonly #sessionKey = createSecretKey(randomBytes(32));
  readonly #actions: readonly AnyAction[];

  constructor() {
    this.#actions = createStsActions({
      accountId,
      clock: this.clock,
      random: randomBytes,
      sessionKey: this.#sessionKey,
      verifiers: new Map(['kubernetes', 'other'].map((provider) => [provider, this.#verifier(provider)])),
      roles: { findRole: (name) => Promise.resolve(this.roles.find((role) => role.name === name)) },
      serviceVouchers: new Map([
        ['ecs.aliyuncs.com', { provider: 'kubernetes', namespace: 'kaap-system', name: 'kaap-metadata' }],
      ]),
      callerIdentity: {
        verifier: {
          audience: 'kaap',
          identify: (proof) => {
            this.proofs.push(proof);
            return this.identify(proof);
          },
        },
        claimNonce: (accessKeyId, nonce) => this.#nonces.claim(accessKeyId, nonce),
      },
      accessPoints: {
        admits: (_entry, { uid }) => Promise.resolve(uid !== 'recreated'),
        findByRoleName: (roleName) => Promise.resolve(this.accessPoints.filter((entry) => entry.roleName === roleName)),
      },
    });
  }

  #verifier(provider: string): TokenVerifier {
    return {
      provider,
      verify: async (token, audience) => {
        this.verified.push(audience);
        const claims = UnsecuredJWT.decode(token).payload;
        const subject = claims.sub ?? '';
        const [, , namespace = '', name = ''] = subject.split(':');
        return this.answer({
          issuer: 'https://issuer',
          subject,
          audiences: [claims.aud ?? []].flat(),
          issuedAt: this.clock.now(),
          expiresAt: this.clock.now() + 600_000,
          serviceAccount: { provider, namespace, name, uid: 'u1', podName: 'web-1', podUid: 'p1' },
        });
      },
    };
  }

  action(name: string): AnyAction {
    const action = this.#actions.find((row) => row.name === name);
    if (action === undefined) throw new Error(`STS has no action ${name}`);
    return action;
  }

  /** Calls an action as the gateway does, without asking for permissions. */
  async call(name: string, input: object, principal: Principal = { kind: 'Anonymous' }): Promise<SessionAnswer> {
    const action = this.action(name);
    const plan = await action.plan(action.input.parse(input), this.context(principal));
    return (await plan.run()) as unknown as SessionAnswer;
  }

  context(principal: Principal): RequestContext {
    return {
      principal,
      requestId: 'r1',
      time: this.clock.now(),
      sourceIp: '10.0.0.1',
      secureTransport: true,
      signal: new AbortController().signal,
    };
  }

  /** The session in an answer. */
  open({ Credentials }: SessionAnswer): SealedSession {
    const open = createSessionOpener(this.#sessionKey);
    return open(Credentials.SecurityToken, Credentials.AccessKeyId, this.clock.now());
  }
}
