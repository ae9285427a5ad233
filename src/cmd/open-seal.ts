import { randomBytes } from 'node:crypto';
import { systemClock } from '../lib/clock.ts';
import { ConfigError } from '../lib/config.ts';
import { silentLogger } from '../lib/log.ts';
import { createMetrics } from '../lib/metrics.ts';
import type { Seal } from '../ports/seal.ts';
import { providerSeal } from '../providers/provider-seal.ts';
import { openFileSeal } from '../storage/file-seal.ts';
import type { InstanceConfig } from './instances-config.ts';
import type { KmsConfig } from './kms-config.ts';
import { openKeyProviders, type KeyProviders } from './kms-providers.ts';
import { formatSeal, type SealConfig } from './seal-config.ts';

/** Milliseconds for one call; whoever waits to unseal asks again. */
const deadlineMs = 2000;

/** Opens the seal that the configuration names, or another one of its instances. Nothing is connected before it is used. */
export async function openSeal(
  { instances, accountId, ...config }: Pick<KmsConfig, 'seal' | 'instances' | 'accountId'>,
  { seal = config.seal, createIfMissing = false }: { seal?: SealConfig; createIfMissing?: boolean } = {},
): Promise<Seal> {
  if (seal.kind === 'file') return openFileSeal(seal.path, { createIfMissing });
  const instance = instanceOf(seal, instances);
  // Connections of its own: the service closes its own ones while it is sealed.
  const opened = openKeyProviders({
    instances: [instance],
    accountId,
    random: randomBytes,
    clock: systemClock,
    log: silentLogger,
    metrics: createMetrics(),
    deadlineMs,
  });
  const { close } = opened;
  return providerSeal({ kind: seal.kind, instance: seal.instance, close, ...keyOf(seal, opened) });
}

/** Runs `work` with a seal, and lets go of its connections. */
export async function withSeal<T>(
  config: Parameters<typeof openSeal>[0],
  work: (seal: Seal) => Promise<T>,
): Promise<T> {
  const seal = await openSeal(config);
  try {
    return await work(seal);
  } finally {
    await seal.close?.();
  }
}

type ProviderSealParts = Pick<Parameters<typeof providerSeal>[0], 'provider' | 'key'>;

function keyOf(seal: Exclude<SealConfig, { kind: 'file' }>, { providers }: KeyProviders): ProviderSealParts {
  const { instance } = seal;
  if (seal.kind === 'hsm' && providers.pkcs11 !== undefined) {
    const provider = providers.pkcs11;
    return { provider, key: () => provider.namedKey(instance, `kaap-seal-${instance}`) };
  }
  if (seal.kind === 'xki' && providers.xki !== undefined) {
    const provider = providers.xki;
    const placement = { scope: instance, externalKeyId: seal.externalKeyId };
    return { provider, key: () => provider.generate('Aliyun_AES_256', placement) };
  }
  throw new Error(`there is no provider for ${formatSeal(seal)}`);
}

function instanceOf(
  seal: Exclude<SealConfig, { kind: 'file' }>,
  instances: readonly InstanceConfig[],
): Exclude<InstanceConfig, { type: 'Software' }> {
  const type = seal.kind === 'hsm' ? 'Hardware' : 'External';
  const found = instances.find(({ id }) => id === seal.instance);
  if (found !== undefined && found.type !== 'Software' && found.type === type) return found;
  throw new ConfigError(
    `The seal ${formatSeal(seal)} needs a ${type} instance ${seal.instance} in KAAP_INSTANCES_FILE.`,
  );
}
