import type { RandomBytes } from '../crypto/uuid.ts';
import type { KmsDependencies } from '../kms/dependencies.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Metrics } from '../lib/metrics.ts';
import { HsmClient } from '../providers/pkcs11-client.ts';
import { Pkcs11Provider } from '../providers/pkcs11-provider.ts';
import { SoftwareProvider } from '../providers/software-provider.ts';
import { XkiProvider } from '../providers/xki-provider.ts';
import { XkiProxyClient } from '../providers/xki-proxy-client.ts';
import { createXkiTransport } from '../providers/xki-transport.ts';
import type { ExternalInstanceConfig, InstanceConfig } from './instances-config.ts';

export interface KeyProvidersOptions {
  instances: readonly InstanceConfig[];
  accountId: string;
  random: RandomBytes;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  /** Milliseconds that a call to a device or proxy may take, where no client waits for it. */
  deadlineMs?: number;
}

/** The key providers of an installation, with their connections. */
export interface KeyProviders {
  readonly providers: KmsDependencies['providers'] & { pkcs11?: Pkcs11Provider };
  readonly close: () => Promise<void>;
}

/** Makes a provider of each kind that the instances need. Nothing waits for a device or proxy: KMS starts without them. */
export function openKeyProviders(options: KeyProvidersOptions): KeyProviders {
  const { instances, random, clock, deadlineMs } = options;
  const external = instances.filter((instance) => instance.type === 'External');
  const hardware = instances.filter((instance) => instance.type === 'Hardware');
  const clients = new Map(
    hardware.map(({ id, socket }) => [id, new HsmClient({ socket, ...(deadlineMs !== undefined && { deadlineMs }) })]),
  );
  const proxies = new Map(external.map((instance) => [instance.id, proxyOf(instance, options)]));
  return {
    providers: {
      software: new SoftwareProvider({ random }),
      ...(clients.size > 0 && { pkcs11: new Pkcs11Provider({ clients, random }) }),
      ...(proxies.size > 0 && { xki: new XkiProvider({ proxies, random, clock }) }),
    },
    close: async () => {
      await Promise.all([...proxies.values(), ...clients.values()].map((connection) => connection.close()));
    },
  };
}

function proxyOf(instance: ExternalInstanceConfig, options: KeyProvidersOptions): XkiProxyClient {
  const { id } = instance;
  const { accountId, clock, log, metrics } = options;
  return new XkiProxyClient({
    transport: createXkiTransport(instance),
    prefix: instance.prefix,
    credential: instance.credential,
    region: instance.region,
    principalArn: `acs:kms:${instance.region}:${accountId}:instance/${id}`,
    clock,
    budgetMs: options.deadlineMs,
    onConnection: (connected) => {
      if (connected) log.info({ instance: id }, 'the external key proxy is connected');
      else log.warn({ instance: id }, 'the external key proxy is disconnected');
    },
    onCall: (operation, result, seconds) => {
      metrics.count('kaap_xki_calls_total', { kms_instance: id, operation, result });
      metrics.observe('kaap_xki_call_duration_seconds', seconds, { kms_instance: id, operation });
    },
  });
}
