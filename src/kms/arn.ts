import type { KmsDependencies } from './dependencies.ts';

/** Where a resource lives: part of every ARN. */
export type Home = Pick<KmsDependencies, 'region' | 'accountId'>;

/** Types of KMS resource, as ARNs spell them. */
export type ResourceType =
  'key' | 'secret' | 'datakey' | 'certificate' | 'alias' | 'policy' | 'network' | 'applicationaccesspoint' | 'instance';

/** ARN of the container of a type: `acs:kms:<region>:<account>:key`. List and create actions are about it. */
export function containerArn(home: Home, type: ResourceType): string {
  return `acs:kms:${home.region}:${home.accountId}:${type}`;
}

/** ARN of one resource: `acs:kms:<region>:<account>:key/<id>`. */
export function resourceArn(home: Home, type: Exclude<ResourceType, 'alias'>, name: string): string {
  return `${containerArn(home, type)}/${name}`;
}

/** ARN of an alias. `alias` begins with `alias/`, as alias names do. */
export function aliasArn(home: Home, alias: string): string {
  return `acs:kms:${home.region}:${home.accountId}:${alias}`;
}

/**
 * What a KeyId, SecretName or CertificateId parameter names, without the ARN around it: an ARN of this installation's region and
 * account becomes its relative part without the type (`key/<id>` → `<id>`, `secret/<name>` → `<name>`); an alias keeps
 * its `alias/`. Any other text is given back as it is, and so finds nothing where ids are looked up.
 */
export function relativeName(home: Home, type: 'key' | 'secret' | 'certificate', text: string): string {
  const prefix = `acs:kms:${home.region}:${home.accountId}:`;
  if (!text.startsWith(prefix)) return text;
  const relative = text.slice(prefix.length);
  if (relative.startsWith(`${type}/`)) return relative.slice(type.length + 1);
  return type === 'key' && relative.startsWith('alias/') ? relative : text;
}
