import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KmsClient } from '../client/kms-client.ts';
import type { AssumedRole } from '../client/sts-operations.ts';
import type { Store } from '../kube/store.ts';
import type { KubeTransport } from '../kube/transport.ts';
import type { Clock } from '../lib/clock.ts';
import { readSettingFile } from '../lib/config.ts';
import type { Logger } from '../lib/log.ts';
import type { Metrics } from '../lib/metrics.ts';
import { AccessTokens } from '../metadata/access-tokens.ts';
import { addressesOf, byAddress, callerAmong, type Caller, type NodePod } from '../metadata/callers.ts';
import { mayHaveNodeRole, podRoleOf } from '../metadata/entitlement.ts';
import { createMetadataHandler, type MetadataDependencies } from '../metadata/handler.ts';
import { requestPodToken } from '../metadata/service-account-token.ts';
import { SessionCache } from '../metadata/session-cache.ts';
import { TokenBuckets } from '../lib/token-buckets.ts';
import type { MetadataConfig } from './metadata-config.ts';

export interface MetadataServiceDependencies {
  config: MetadataConfig;
  /** The pods of this node. */
  pods: Store<NodePod>;
  /** For the tokens of the pods' own service accounts. */
  transport: Pick<KubeTransport, 'request'>;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
}

/** A running metadata server. */
export interface MetadataService {
  port: number;
  close(): Promise<void>;
}

/** Requests of one pod: more than an SDK ever makes, and less than what would keep others waiting. */
const podLimits = { burst: 40, perSecond: 10 };

/** Serves the metadata API of ECS instances to the pods of this node, until closed. */
export async function startMetadataService(dependencies: MetadataServiceDependencies): Promise<MetadataService> {
  const { config, pods, clock, log, metrics } = dependencies;
  pods.addIndex(byAddress, addressesOf);
  const sts = connectToSts(config);
  const { listen } = config;
  const hosts = [listen.host, `${listen.host}:${listen.port}`];
  const server = createServer(
    { requestTimeout: 5000, headersTimeout: 5000, maxHeaderSize: 8192, connectionsCheckingInterval: 1000 },
    createMetadataHandler({
      ...sessionsOf(dependencies, sts),
      findCaller: (address) => (pods.hasSynced ? callerAmong(pods.byIndex(byAddress, address)) : undefined),
      nodeRole: (caller) => (mayHaveNodeRole(caller, config) ? config.roleName : undefined),
      tokens: new AccessTokens(randomBytes(32), clock),
      limits: new TokenBuckets(podLimits, clock),
      hardenedOnly: config.hardenedOnly,
      hosts,
      facts: { 'region-id': config.region, 'instance-id': config.nodeName, 'ram/': 'security-credentials/' },
      log,
      count: (code) => metrics.count('kaap_metadata_requests_total', { code }),
    }),
  );
  server.maxConnections = 1000;
  const port = await listenOn(server, listen);
  hosts.push(`${listen.host}:${port}`);
  return {
    port,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      sts.close();
    },
  };
}

function listenOn(server: Server, { host, port }: MetadataConfig['listen']): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

/** Every call is made with a token in its parameters, and is not signed. */
function connectToSts({ endpoint, caFile, region }: MetadataConfig): KmsClient {
  const caPem = readSettingFile('KAAP_CA_FILE', caFile);
  const credentials = { credential: () => Promise.resolve(undefined) };
  return new KmsClient({ endpoint, caPem, region, credentials, deadlineMs: 4000 });
}

function sessionsOf(
  { config, transport, clock }: MetadataServiceDependencies,
  sts: KmsClient,
): Pick<MetadataDependencies, 'nodeSession' | 'podSession'> {
  const sessions = new SessionCache(clock);
  const assume = async (roleName: string, token: string, sessionName: string): Promise<AssumedRole['Credentials']> => {
    const answer = await sts.call('Sts', 'AssumeRoleWithOIDC', {
      RoleArn: `acs:ram::${config.accountId}:role/${roleName}`,
      OIDCProviderArn: `acs:ram::${config.accountId}:oidc-provider/${config.oidcProvider}`,
      OIDCToken: token,
      RoleSessionName: sessionNameOf(sessionName),
    });
    return answer['Credentials'] as AssumedRole['Credentials'];
  };
  return {
    nodeSession: () =>
      sessions.get('node', async () =>
        assume(config.roleName ?? '', (await readFile(config.tokenFile, 'utf8')).trim(), config.nodeName),
      ),
    podSession: async (caller: Caller) => {
      const role = podRoleOf(caller, config.podRoles);
      if (role === undefined) return undefined;
      return sessions.get(caller.uid, async () => {
        const token = await requestPodToken(transport, caller, role.audience, AbortSignal.timeout(4000));
        return assume(role.roleName, token, caller.name);
      });
    },
  };
}

/** STS takes 2 to 64 letters, digits, `.`, `@`, `_` and `-`. */
function sessionNameOf(name: string): string {
  return name
    .replaceAll(/[^A-Za-z0-9.@_-]/g, '-')
    .slice(0, 64)
    .padEnd(2, '-');
}
