import { z } from 'zod';
import { ApiError } from '../../../lib/errors.ts';
import { clientKeyRoleName, type ServiceAccountReference } from '../../../ports/access-point-directory.ts';
import { json } from '../../parameters.ts';
import type { AccessPointRecord, AuthenticationConfig, TrustedRole } from '../../records/access-point.ts';

/** `AuthenticationConfig` as it was given. */
export interface AuthenticationConfigInput {
  ramRole?:
    | {
        trustedRole: TrustedRole;
        roleName: string;
        serviceAccounts?: ServiceAccountReference[] | undefined;
        alibabaCloudRoles?: string[] | undefined;
      }
    | undefined;
  clientKey?: { serviceAccounts: ServiceAccountReference[] } | undefined;
  mode?: AuthenticationConfig['mode'] | undefined;
}

const name = (max: number): z.ZodType<string> => z.string().regex(new RegExp(`^[A-Za-z0-9._-]{1,${max}}$`));
const serviceAccount = z
  .object({ provider: name(64).optional(), namespace: name(63), name: name(253), uid: name(64).optional() })
  // What is absent stays absent: records hold no undefined.
  .transform(({ provider, uid, ...rest }) => ({
    ...rest,
    ...(provider !== undefined && { provider }),
    ...(uid !== undefined && { uid }),
  }));
const serviceAccounts = z.array(serviceAccount).max(100);

const schema: z.ZodType<AuthenticationConfigInput> = z.object({
  ramRole: z
    .object({
      trustedRole: z.enum([
        'ECSInstanceRole',
        'ACKWorkerRole',
        'FunctionComputeRole',
        'ServiceAccountRole',
        'AlibabaCloudRole',
      ]),
      roleName: name(64),
      serviceAccounts: serviceAccounts.optional(),
      alibabaCloudRoles: z
        .array(z.string().regex(/^acs:ram::[0-9]{1,32}:role\/[A-Za-z0-9._-]{1,64}$/))
        .max(64)
        .optional(),
    })
    .optional(),
  clientKey: z.object({ serviceAccounts: serviceAccounts.default([]) }).optional(),
  mode: z.enum(['Enforce', 'Shadow']).optional(),
});

const shape =
  'a JSON object {"ramRole":{"trustedRole","roleName","serviceAccounts","alibabaCloudRoles"}} or {"clientKey":{"serviceAccounts"}}, ' +
  'and "mode":"Enforce" or "Shadow"';

/** `AuthenticationConfig`: Kaap's own parameter of CreateApplicationAccessPoint and UpdateApplicationAccessPoint. */
export function authenticationConfig(): z.ZodType<AuthenticationConfigInput> {
  return json(schema, shape);
}

/** Names that sessions of Kaap's own have: no access point may give them out. */
const ownRoles = /^kaap-(?:operator$|client-key-)/;
const maxRoleName = 64;

/** The configuration of an access point with that method. Throws `InvalidParameter` when the two do not fit. */
export function configOf(
  accessPoint: Pick<AccessPointRecord, 'name' | 'authenticationMethod'>,
  input: AuthenticationConfigInput,
): AuthenticationConfig {
  const mode = input.mode ?? 'Enforce';
  return accessPoint.authenticationMethod === 'RAMRole'
    ? { ramRole: ramRoleOf(input), mode }
    : { clientKey: clientKeyOf(accessPoint.name, input), mode };
}

function ramRoleOf({ ramRole, clientKey }: AuthenticationConfigInput): NonNullable<AuthenticationConfig['ramRole']> {
  if (ramRole === undefined || clientKey !== undefined)
    throw invalid('give ramRole, and only that, for the method RAMRole');
  const { trustedRole, roleName } = ramRole;
  if (ownRoles.test(roleName)) throw invalid('ramRole.roleName names a role of Kaap itself; use another name');
  const lists = { serviceAccounts: ramRole.serviceAccounts, alibabaCloudRoles: ramRole.alibabaCloudRoles };
  const needed = listOf[trustedRole];
  const stray = Object.entries(lists).find(([list, names]) => names !== undefined && list !== needed)?.[0];
  if (stray !== undefined) throw invalid(`${stray} do not go with the trusted role ${trustedRole}`);
  if (needed === undefined) return { trustedRole, roleName };
  const list = lists[needed] ?? [];
  if (list.length === 0) throw invalid(`${trustedRole} needs at least one of ${needed}`);
  return { trustedRole, roleName, [needed]: list };
}

/** Trusted role → the list that says who has it. The others are proven by a service. */
const listOf: Partial<Record<TrustedRole, 'serviceAccounts' | 'alibabaCloudRoles'>> = {
  ServiceAccountRole: 'serviceAccounts',
  AlibabaCloudRole: 'alibabaCloudRoles',
};

function clientKeyOf(
  accessPoint: string,
  { ramRole, clientKey }: AuthenticationConfigInput,
): NonNullable<AuthenticationConfig['clientKey']> {
  if (ramRole !== undefined) throw invalid('ramRole goes with the method RAMRole only');
  const accounts = clientKey?.serviceAccounts ?? [];
  if (accounts.length > 0 && clientKeyRoleName(accessPoint).length > maxRoleName) {
    throw invalid('an access point with service accounts needs a name of at most 48 characters');
  }
  return { serviceAccounts: accounts };
}

function invalid(why: string): ApiError {
  return new ApiError('InvalidParameter', `The parameter AuthenticationConfig is not valid: ${why}.`);
}
