// SPDX-License-Identifier: Apache-2.0
type Notes = Readonly<Record<string, string>>;

/** How an action that is there differs from the one documented, besides its parameters. */
export const differences: Notes = {
  DescribeRegions: 'One region: the one of the configuration.',
  GetKmsInstance:
    'Gives id, name, type, status and the number of keys and secrets: there is nothing to buy, and no VPC.',
  RotateSecret:
    'Besides, rotates generic secrets that have a generator. Rds, PolarDB, Redis and ECS rotate by the installation’s hook.',
};

/** How a parameter that is read differs, by `Action.Parameter`. */
export const parameterDifferences: Notes = {
  'CreateApplicationAccessPoint.AuthenticationMethod': 'Besides ClientKey, takes RAMRole.',
  'CreateCertificate.ProtectionLevel': '`HSM` is refused.',
  'CreateKey.Origin': '`EXTERNAL` for every key spec in software, and for symmetric and HMAC keys in an HSM.',
  'CreateKey.ProtectionLevel': '`HSM` in instances of hardware keys only; `SOFTWARE` in all others.',
};
