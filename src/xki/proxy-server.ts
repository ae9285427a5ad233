import type { Clock } from '../lib/clock.ts';
import { parseListenAddress, readSettingFile } from '../lib/config.ts';
import { startHttpServer, type HttpServer } from '../lib/http-server.ts';
import type { Logger } from '../lib/log.ts';
import { TokenBuckets } from '../lib/token-buckets.ts';
import type { AuditSink } from '../ports/audit-sink.ts';
import type { ExternalKeySource } from './external-key.ts';
import { createProxyHandler } from './handler.ts';
import { httpPolicyHook, type HttpPolicyHookOptions } from './policy-hook.ts';
import { prefixesOf, type ProxyConfig } from './proxy-config.ts';

export interface ProxyServerDependencies {
  config: ProxyConfig;
  keys: ExternalKeySource;
  audit: AuditSink;
  clock: Clock;
  log: Logger;
}

/** Serves an owner's keys. Certificate and secrets are read once: to replace them, add the second credential and restart. */
export function startProxyServer({ config, keys, audit, clock, log }: ProxyServerDependencies): Promise<HttpServer> {
  const { certificateFile, keyFile, clientCaFile } = config.tls;
  return startHttpServer({
    address: parseListenAddress(config.listen),
    certificate: {
      certPem: readSettingFile('tls.certificateFile', certificateFile),
      keyPem: readSettingFile('tls.keyFile', keyFile),
    },
    ...(clientCaFile !== undefined && { clientCaPem: readSettingFile('tls.clientCaFile', clientCaFile) }),
    maxHeaderBytes: 16 * 1024,
    handler: createProxyHandler({
      prefixes: prefixesOf(config),
      keys,
      ...(config.policyUrl !== undefined && { policy: httpPolicyHook(policyOptions(config.policyUrl, config)) }),
      limits: {
        perCredential: bucketsOf(config.rateLimit.perCredential, clock),
        perKey: bucketsOf(config.rateLimit.perKey, clock),
      },
      audit,
      clock,
      log,
    }),
  });
}

function bucketsOf(perSecond: number, clock: Clock): TokenBuckets | undefined {
  return perSecond === 0 ? undefined : new TokenBuckets({ perSecond, burst: 2 * perSecond }, clock);
}

function policyOptions(url: string, { policyCaFile }: ProxyConfig): HttpPolicyHookOptions {
  return { url, ...(policyCaFile !== undefined && { caPem: readSettingFile('policyCaFile', policyCaFile) }) };
}
