import type { NamedPolicy } from '../policy/policy-set.ts';
import type { Principal } from '../policy/principal.ts';
import type { Store } from '../ports/store.ts';

/** The policies attached to a RAM user, or to the role of a session; none for anybody else. */
export async function loadIdentityPolicies(
  _store: Pick<Store, 'get'>,
  _principal: Principal,
): Promise<readonly NamedPolicy[]> {
  return [];
}
