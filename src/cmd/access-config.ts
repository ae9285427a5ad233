import { z } from 'zod';
import { ConfigError } from '../lib/config.ts';
import { trustedServices, type ServiceAccountReference } from '../ports/access-point-directory.ts';

/** What `kms` is told about who is somebody, besides what RAM says. */
export interface AccessSettings {
  /** Service, such as `ecs.aliyuncs.com` → the service account that vouches for whoever runs on it. */
  serviceVouchers: ReadonlyMap<string, ServiceAccountReference>;
}

/** Nobody but whom RAM says. */
export const noAccessSettings: AccessSettings = { serviceVouchers: new Map() };

/** The environment variables, for the schema of the process. */
export const accessVariables: {
  KAAP_OIDC_PROVIDER: z.ZodDefault<z.ZodString>;
  KAAP_SERVICE_VOUCHERS: z.ZodDefault<z.ZodString>;
} = {
  KAAP_OIDC_PROVIDER: z.string().default('kubernetes'),
  KAAP_SERVICE_VOUCHERS: z.string().default(''),
};

type Given = { readonly [Name in keyof typeof accessVariables]: z.infer<(typeof accessVariables)[Name]> };

/** @throws ConfigError */
export function readAccessSettings(given: Given): AccessSettings {
  const vouchers = given.KAAP_SERVICE_VOUCHERS.split(',').filter((text) => text.trim() !== '');
  return {
    serviceVouchers: new Map(vouchers.map((text) => serviceVoucher(text.trim(), given.KAAP_OIDC_PROVIDER))),
  };
}

/** `<service>=<namespace>:<service account>`, of the own cluster. */
function serviceVoucher(text: string, provider: string): [string, ServiceAccountReference] {
  const [, service = '', namespace = '', name = ''] = /^([a-z.]+)=([a-z0-9-]+):([a-z0-9.-]+)$/.exec(text) ?? [];
  if (Object.values(trustedServices).includes(service)) return [service, { provider, namespace, name }];
  throw new ConfigError(
    `KAAP_SERVICE_VOUCHERS: "${text}" is not understood. Write ecs.aliyuncs.com=<namespace>:<service account>.`,
  );
}
