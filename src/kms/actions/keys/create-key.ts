import { z } from 'zod';
import { importsInto } from '../../../crypto/imported-material.ts';
import {
  defaultKeySpec,
  keySpecs,
  keySpecsOf,
  usagesIn,
  type KeyUsage,
  type ProviderKind,
} from '../../../crypto/key-specs.ts';
import { ApiError } from '../../../lib/errors.ts';
import { defineAction, type AnyAction, type RequestContext } from '../../../ports/action.ts';
import type { Transaction } from '../../../ports/store.ts';
import { containerArn } from '../../arn.ts';
import { callerIdentity } from '../../caller.ts';
import { sharedScope, type KmsDependencies } from '../../dependencies.ts';
import { providerOfScope } from '../../instance.ts';
import { addVersion, newKeyId } from '../../key-creation.ts';
import { providerOf } from '../../provider-of-key.ts';
import { keyMetadata } from '../../key-metadata.ts';
import { externalKeyId, placementFields } from '../../key-placement.ts';
import { description, flag, oneOf, optional, text, withDefault } from '../../parameters.ts';
import { clientTokenTable } from '../../records/client-token.ts';
import { keyTable, placementOf, type KeyRecord } from '../../records/key.ts';
import { assertResourcePolicy, policyText } from '../../resource-policy.ts';
import { intervalText, rotationOf } from '../../rotation.ts';
import { addTags, tagPairs } from '../../tags.ts';

const usages: readonly KeyUsage[] = ['ENCRYPT/DECRYPT', 'SIGN/VERIFY', 'GENERATE/VERIFY MAC'];

const input = z.object({
  DKMSInstanceId: withDefault(text({ max: 64 }), sharedScope),
  Description: withDefault(description(), ''),
  EnableAutomaticRotation: withDefault(flag(), false),
  KeySpec: withDefault(oneOf(Object.keys(keySpecs)), defaultKeySpec),
  KeyUsage: optional(oneOf(usages)),
  KeyStorageMechanism: optional(oneOf(['HsmInternal', 'HsmEncryptedDatabase'])),
  /** Kaap's own parameter: which key of the proxy, in External instances. */
  ExternalKeyId: optional(externalKeyId()),
  Origin: withDefault(oneOf(['Aliyun_KMS', 'EXTERNAL']), 'Aliyun_KMS'),
  Policy: optional(policyText()),
  ProtectionLevel: optional(oneOf(['SOFTWARE', 'HSM'])),
  RotationInterval: optional(intervalText()),
  Tags: withDefault(tagPairs(), []),
  ClientToken: optional(text({ max: 64, pattern: /^[\x21-\x7e]+$/, allowed: '1 to 64 ASCII characters' })),
});
type Input = z.infer<typeof input>;

/** KMS CreateKey. With a ClientToken, a repeated call gives the key that the first one made. */
export function createKey(dependencies: KmsDependencies): AnyAction {
  return defineAction<Input>({
    name: 'CreateKey',
    product: 'Kms',
    input,
    plan: (parameters, context) => ({
      access: [
        { action: 'kms:CreateKey', resource: containerArn(dependencies, 'key'), scope: parameters.DKMSInstanceId },
      ],
      run: async () => ({ KeyMetadata: keyMetadata(dependencies, await create(dependencies, parameters, context)) }),
    }),
  });
}

async function create(dependencies: KmsDependencies, parameters: Input, context: RequestContext): Promise<KeyRecord> {
  const draft = draftKey(dependencies, parameters);
  const token =
    parameters.ClientToken === undefined
      ? undefined
      : `${callerIdentity(context.principal)}\n${parameters.ClientToken}`;
  const isExternal = draft.origin === 'EXTERNAL';
  const material = isExternal
    ? undefined
    : await providerOf(dependencies, draft).generate(draft.keySpec, placementOf(draft));
  return dependencies.store.transact(async (transaction) => {
    const earlier = await keyOfToken(transaction, token);
    if (earlier !== undefined) return earlier;
    const key = { ...draft, versions: [] };
    if (material === undefined) await keyTable.put(transaction, key.keyId, key);
    else await addVersion(transaction, key, material, key.createTime);
    if (token !== undefined) await clientTokenTable.put(transaction, token, { keyId: key.keyId });
    return key;
  });
}

async function keyOfToken(transaction: Transaction, token: string | undefined): Promise<KeyRecord | undefined> {
  const earlier = token === undefined ? undefined : await clientTokenTable.get(transaction, token);
  return earlier === undefined ? undefined : keyTable.get(transaction, earlier.keyId);
}

function draftKey(dependencies: KmsDependencies, parameters: Input): KeyRecord {
  const provider = providerOfScope(dependencies, parameters.DKMSInstanceId);
  if (parameters.Origin === 'EXTERNAL') assertMayImport(dependencies, parameters, provider);
  if (parameters.Policy !== undefined) assertResourcePolicy(parameters.Policy);
  const rotation = rotationOf(parameters.EnableAutomaticRotation, parameters.RotationInterval, 365);
  if (rotation !== undefined && keySpecs[parameters.KeySpec]?.rotatesAutomatically !== true) {
    const message = `Keys of ${parameters.KeySpec} are not rotated automatically. Leave EnableAutomaticRotation out.`;
    throw new ApiError('UnsupportedOperation', message);
  }
  return {
    keyId: newKeyId(dependencies, parameters.DKMSInstanceId),
    scope: parameters.DKMSInstanceId,
    provider,
    keySpec: parameters.KeySpec,
    keyUsage: usageOf(parameters, provider),
    origin: parameters.Origin,
    protectionLevel: protectionLevelOf(parameters, provider),
    state: parameters.Origin === 'EXTERNAL' ? 'PendingImport' : 'Enabled',
    description: parameters.Description,
    creator: dependencies.accountId,
    createTime: dependencies.clock.now(),
    versions: [],
    tags: addTags({}, parameters.Tags),
    ...placementFields(parameters, provider),
    ...(rotation !== undefined && { rotation }),
    ...(parameters.Policy !== undefined && { policy: parameters.Policy }),
  };
}

/** Material comes from outside into providers that take it, and stays the same. */
function assertMayImport(dependencies: KmsDependencies, parameters: Input, provider: ProviderKind): void {
  const { KeySpec, EnableAutomaticRotation } = parameters;
  const row = keySpecs[KeySpec];
  const takesAny = dependencies.providers[provider]?.importMaterial !== undefined;
  if (row === undefined || !takesAny || !importsInto(row, provider)) {
    const message = `Material of ${KeySpec} keys cannot be imported in this instance. Use the Origin Aliyun_KMS.`;
    throw new ApiError('Unsupported.Origin', message);
  }
  if (!EnableAutomaticRotation) return;
  throw new ApiError('UnsupportedOperation', 'Imported material is not rotated. Leave EnableAutomaticRotation out.');
}

function usageOf(parameters: Input, provider: ProviderKind): KeyUsage {
  const row = keySpecs[parameters.KeySpec];
  if (row === undefined || !row.providers.includes(provider)) {
    const known = keySpecsOf(provider).join(', ');
    throw new ApiError('InvalidParameter', `The parameter KeySpec must be one of ${known} in this instance.`);
  }
  const possible = usagesIn(row, provider);
  const usage = parameters.KeyUsage ?? possible[0];
  if (usage !== undefined && possible.includes(usage)) return usage;
  throw new ApiError(
    'InvalidParameter',
    `The parameter KeyUsage must be one of ${possible.join(', ')} for this KeySpec.`,
  );
}

function protectionLevelOf(parameters: Input, provider: ProviderKind): KeyRecord['protectionLevel'] {
  const level = provider === 'pkcs11' ? 'HSM' : 'SOFTWARE';
  if (parameters.ProtectionLevel === undefined || parameters.ProtectionLevel === level) return level;
  throw new ApiError(
    'Unsupported.ProtectionLevel',
    `Keys of this instance have the protection level ${level}. Leave ProtectionLevel out, or name another instance.`,
  );
}
