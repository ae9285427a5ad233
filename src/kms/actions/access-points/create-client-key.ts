import { z } from 'zod';
import { createClientKey as newClientKey } from '../../../crypto/client-key.ts';
import { uuidV4 } from '../../../crypto/uuid.ts';
import { ApiError } from '../../../lib/errors.ts';
import { defineAction, type AnyAction } from '../../../ports/action.ts';
import { resourceArn } from '../../arn.ts';
import { sharedScope, type KmsDependencies } from '../../dependencies.ts';
import { optional, text } from '../../parameters.ts';
import { clientKeyTable, type ClientKeyRecord } from '../../records/client-key.ts';
import { isoSeconds } from '../../time-format.ts';
import { accessPoints } from './access-points.ts';
import { getNamed, resourceName } from './named-action.ts';

const defaultValidityMs = 5 * 365 * 86_400_000;
const characterClasses = [/[a-z]/, /[A-Z]/, /[0-9]/, /[^A-Za-z0-9]/];

/** `Password`: 8 to 64 printable ASCII characters of at least two kinds. */
function password(): z.ZodType<string> {
  const allowed = '8 to 64 printable ASCII characters of at least two kinds: lower case, upper case, digits, others';
  return text({ min: 8, max: 64, pattern: /^[\x20-\x7e]+$/, allowed }).refine(
    (value) => characterClasses.filter((kind) => kind.test(value)).length >= 2,
    `It must be ${allowed}.`,
  );
}

const time = text({
  max: 20,
  pattern: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
  allowed: 'a time such as 2026-01-31T23:59:59Z',
});
const input = z.object({
  AapName: resourceName(),
  Password: password(),
  NotBefore: optional(time),
  NotAfter: optional(time),
});
type Input = z.infer<typeof input>;

/**
 * KMS CreateClientKey, for access points of the method ClientKey. The answer holds the only copy of the private key, in
 * a PKCS#12 file under the password; the service keeps the certificate.
 */
export function createClientKey(dependencies: KmsDependencies): AnyAction {
  return defineAction<Input>({
    name: 'CreateClientKey',
    product: 'Kms',
    input,
    plan: (parameters) => ({
      access: [
        {
          action: 'kms:CreateClientKey',
          resource: resourceArn(dependencies, 'applicationaccesspoint', parameters.AapName),
          scope: sharedScope,
        },
      ],
      run: () => create(dependencies, parameters),
    }),
  });
}

async function create(dependencies: KmsDependencies, parameters: Input): Promise<Record<string, unknown>> {
  const { notBefore, notAfter } = validity(dependencies.clock.now(), parameters);
  await assertTakesClientKeys(dependencies.store, parameters.AapName);
  const { privateKeyData, certificatePem } = await newClientKey({
    name: parameters.AapName,
    password: parameters.Password,
    notBefore,
    notAfter,
    random: dependencies.random,
  });
  const record: ClientKeyRecord = {
    clientKeyId: `KAAP.${uuidV4(dependencies.random)}`,
    accessPoint: parameters.AapName,
    certificatePem,
    notBefore,
    notAfter,
    createTime: dependencies.clock.now(),
  };
  await dependencies.store.transact(async (transaction) => {
    await assertTakesClientKeys(transaction, parameters.AapName);
    await clientKeyTable.put(transaction, record.clientKeyId, record);
  });
  return {
    ClientKeyId: record.clientKeyId,
    KeyAlgorithm: 'RSA_2048',
    NotAfter: isoSeconds(notAfter),
    NotBefore: isoSeconds(notBefore),
    PrivateKeyData: privateKeyData,
  };
}

async function assertTakesClientKeys(reader: Parameters<typeof getNamed>[0], name: string): Promise<void> {
  const accessPoint = await getNamed(reader, accessPoints, name);
  if (accessPoint.authenticationMethod === 'ClientKey') return;
  throw new ApiError(
    'UnsupportedOperation',
    `The access point ${name} authenticates by ${accessPoint.authenticationMethod}; it has no client keys.`,
  );
}

/** Both times or neither: then from now on for five years. Whole seconds, as certificates have them. */
function validity(now: number, { NotBefore, NotAfter }: Input): { notBefore: number; notAfter: number } {
  if ((NotBefore === undefined) !== (NotAfter === undefined)) {
    const missing = NotBefore === undefined ? 'NotBefore' : 'NotAfter';
    throw new ApiError('MissingParameter', `The parameter ${missing} is required when the other time is given.`);
  }
  const start = Math.floor(now / 1000) * 1000;
  const notBefore = NotBefore === undefined ? start : Date.parse(NotBefore);
  const notAfter = NotAfter === undefined ? start + defaultValidityMs : Date.parse(NotAfter);
  if (notBefore < notAfter && notAfter > now) return { notBefore, notAfter };
  throw new ApiError('InvalidParameter', 'The parameter NotAfter must be later than NotBefore and in the future.');
}
