import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { ApiError } from '../../lib/errors.ts';
import { parseStrictJson } from '../../policy/strict-json.ts';
import type { AnyAction } from '../../ports/action.ts';
import { ramBuckets } from '../buckets.ts';
import {
  allOidcProviders,
  findOidcProvider,
  loadOidcProvider,
  writeOidcProvider,
  type OidcProviderRecord,
} from '../oidc-providers.ts';
import { integer, optional, pageOf, pageParameters, ramTime, text } from '../parameters.ts';
import type { RamDependencies } from '../ram-dependencies.ts';
import { ramAction, type RamAction } from './ram-action.ts';

const MAX_PROVIDERS = 100;
const MAX_CLIENT_IDS = 50;
const MAX_FINGERPRINTS = 5;

const nameMessage = 'It must be a provider name of 1 to 128 letters, digits and ._-.';
const providerName = z.string({ error: nameMessage }).regex(/^[A-Za-z0-9._-]{1,128}$/, nameMessage);
const oneProvider = { OIDCProviderName: providerName };
const providerResource = ({ OIDCProviderName }: { OIDCProviderName: string }): string[] => [
  `oidc-provider/${OIDCProviderName}`,
];

/** `IssuerUrl`: https, no query, no fragment, no credentials (OpenID Connect Discovery 1.0 §3). */
const issuerUrl = z.string().max(255).refine(isIssuer, 'It must be an https URL without query, fragment and user.');

function isIssuer(value: string): boolean {
  const url = URL.parse(value);
  return (
    url?.protocol === 'https:' && url.search === '' && url.hash === '' && url.username === '' && !value.includes('#')
  );
}

const commaList = (max: number, item: RegExp, allowed: string): z.ZodType<string[]> => {
  const message = `It must be 1 to ${max} of ${allowed}, separated by commas.`;
  return z
    .string({ error: message })
    .transform((value) => [...new Set(value.split(',').map((part) => part.trim()))])
    .refine((parts) => parts.length <= max && parts.every((part) => item.test(part)), message);
};

const clientIds = commaList(MAX_CLIENT_IDS, /^[A-Za-z0-9./_:-]{1,128}$/, 'client ids (audiences)');
const fingerprints = commaList(
  MAX_FINGERPRINTS,
  /^(?:[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})$/,
  'SHA-1 or SHA-256 fingerprints in hex',
).transform((all) => all.map((fingerprint) => fingerprint.toLowerCase()));
const limitHours = integer(1, 168, 12);

/** Kaap's own: the certificate authority of an issuer inside the network. */
const caCertificate = z.string().max(65_536).refine(isCertificate, 'It must be a certificate in PEM.');
/** Kaap's own: the keys of an issuer that cannot be reached. */
const keySet = z.string().max(65_536).refine(isKeySet, 'It must be a JSON Web Key Set with public keys.');

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).ca;
  } catch {
    return false;
  }
}

function isKeySet(json: string): boolean {
  try {
    const parsed = z.object({ keys: z.array(z.record(z.string(), z.unknown())).min(1) }).parse(parseStrictJson(json));
    return parsed.keys.every((key) => typeof key['kty'] === 'string' && key['kty'] !== 'oct' && !('d' in key));
  } catch {
    return false;
  }
}

/** A provider as answers show it (IMS GetOIDCProvider). */
function providerFields({ accountId }: RamDependencies, provider: OidcProviderRecord): Record<string, unknown> {
  return {
    OIDCProviderName: provider.name,
    Arn: `acs:ram::${accountId}:oidc-provider/${provider.name}`,
    IssuerUrl: provider.issuer,
    Description: provider.description,
    ClientIds: provider.clientIds.join(','),
    Fingerprints: provider.fingerprints.join(','),
    IssuanceLimitTime: provider.issuanceLimitHours,
    CreateDate: ramTime(provider.createTime),
    UpdateDate: ramTime(provider.updateTime),
    GmtCreate: String(provider.createTime),
    GmtModified: String(provider.updateTime),
  };
}

const imsAction = <Input>(dependencies: RamDependencies, action: RamAction<Input>): AnyAction =>
  ramAction(dependencies, action, 'Ims');

function createProvider(dependencies: RamDependencies): AnyAction {
  const { store, clock } = dependencies;
  return imsAction(dependencies, {
    name: 'CreateOIDCProvider',
    input: z.object({
      ...oneProvider,
      IssuerUrl: issuerUrl,
      ClientIds: clientIds,
      Fingerprints: optional(fingerprints),
      Description: optional(text(256)),
      IssuanceLimitTime: limitHours,
      CaCertificate: optional(caCertificate),
      JsonWebKeySet: optional(keySet),
    }),
    resources: providerResource,
    run: async (input) => {
      if (dependencies.ownProviders.includes(input.OIDCProviderName)) throw exists(input.OIDCProviderName);
      const now = clock.now();
      const { CaCertificate: caPem, JsonWebKeySet: jwks } = input;
      const provider: OidcProviderRecord = {
        name: input.OIDCProviderName,
        issuer: input.IssuerUrl,
        description: input.Description ?? '',
        clientIds: input.ClientIds,
        fingerprints: input.Fingerprints ?? [],
        issuanceLimitHours: input.IssuanceLimitTime,
        ...(caPem === undefined ? {} : { caPem }),
        ...(jwks === undefined ? {} : { jwks }),
        createTime: now,
        updateTime: now,
        revision: 0,
      };
      await store.transact(async (transaction) => {
        if ((await findOidcProvider(transaction, provider.name)) !== undefined) throw exists(provider.name);
        if ((await allOidcProviders(transaction)).length >= MAX_PROVIDERS) {
          throw new ApiError('LimitExceeded.OIDCProvider', `There are ${MAX_PROVIDERS} OIDC providers. Delete one.`);
        }
        await writeOidcProvider(transaction, provider);
      });
      return { OIDCProvider: providerFields(dependencies, provider) };
    },
  });
}

function exists(name: string): ApiError {
  return new ApiError(
    'EntityAlreadyExists.OIDCProvider',
    `There is an OIDC provider ${name}, registered or of the installation itself. Choose another name.`,
  );
}

function getProvider(dependencies: RamDependencies): AnyAction {
  return imsAction(dependencies, {
    name: 'GetOIDCProvider',
    input: z.object(oneProvider),
    resources: providerResource,
    run: async ({ OIDCProviderName }) => ({
      OIDCProvider: providerFields(dependencies, await loadOidcProvider(dependencies.store, OIDCProviderName)),
    }),
  });
}

function updateProvider(dependencies: RamDependencies): AnyAction {
  const { store, clock } = dependencies;
  return imsAction(dependencies, {
    name: 'UpdateOIDCProvider',
    input: z.object({
      ...oneProvider,
      ClientIds: optional(clientIds),
      Fingerprints: optional(fingerprints),
      NewDescription: text(256).optional(),
      IssuanceLimitTime: optional(limitHours),
      CaCertificate: optional(caCertificate),
      JsonWebKeySet: optional(keySet),
    }),
    resources: providerResource,
    run: (input) =>
      store.transact(async (transaction) => {
        const before = await loadOidcProvider(transaction, input.OIDCProviderName);
        const { CaCertificate: caPem = before.caPem, JsonWebKeySet: jwks = before.jwks } = input;
        const provider: OidcProviderRecord = {
          ...before,
          clientIds: input.ClientIds ?? before.clientIds,
          fingerprints: input.Fingerprints ?? before.fingerprints,
          description: input.NewDescription ?? before.description,
          issuanceLimitHours: input.IssuanceLimitTime ?? before.issuanceLimitHours,
          ...(caPem === undefined ? {} : { caPem }),
          ...(jwks === undefined ? {} : { jwks }),
          updateTime: clock.now(),
          revision: before.revision + 1,
        };
        await writeOidcProvider(transaction, provider);
        return { OIDCProvider: providerFields(dependencies, provider) };
      }),
  });
}

function deleteProvider(dependencies: RamDependencies): AnyAction {
  return imsAction(dependencies, {
    name: 'DeleteOIDCProvider',
    input: z.object(oneProvider),
    resources: providerResource,
    run: ({ OIDCProviderName }) =>
      dependencies.store.transact(async (transaction) => {
        await loadOidcProvider(transaction, OIDCProviderName);
        await transaction.delete(ramBuckets.oidcProviders, OIDCProviderName);
        return {};
      }),
  });
}

function listProviders(dependencies: RamDependencies): AnyAction {
  return imsAction(dependencies, {
    name: 'ListOIDCProviders',
    input: z.object(pageParameters),
    resources: () => ['oidc-provider'],
    run: async (page) => {
      const { items, fields } = pageOf(await allOidcProviders(dependencies.store), ({ name }) => name, page);
      return { ...fields, OIDCProviders: { OIDCProvider: items.map((each) => providerFields(dependencies, each)) } };
    },
  });
}

/** IMS (2019-08-15) CreateOIDCProvider, GetOIDCProvider, UpdateOIDCProvider, DeleteOIDCProvider, ListOIDCProviders. */
export function oidcProviderActions(dependencies: RamDependencies): readonly AnyAction[] {
  const rows = [createProvider, getProvider, updateProvider, deleteProvider, listProviders];
  return rows.map((make) => make(dependencies));
}
