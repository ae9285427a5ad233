import type { Operation } from './operation.ts';

/** The actions of STS 2015-04-01 that have a typed method. */
export interface StsOperations {
  GetCallerIdentity: Operation<
    Record<string, never>,
    { AccountId: string; Arn: string; IdentityType: string; PrincipalId: string; RoleId?: string; UserId?: string }
  >;
  AssumeRole: Operation<
    { RoleArn: string; RoleSessionName: string; DurationSeconds?: number | undefined; Policy?: string | undefined },
    AssumedRole
  >;
  AssumeRoleWithOIDC: Operation<
    {
      RoleArn: string;
      OIDCProviderArn: string;
      OIDCToken: string;
      RoleSessionName: string;
      DurationSeconds?: number | undefined;
      Policy?: string | undefined;
    },
    AssumedRole
  >;
}

/** What STS answers for an assumed role. */
export interface AssumedRole {
  Credentials: { AccessKeyId: string; AccessKeySecret: string; SecurityToken: string; Expiration: string };
  AssumedRoleUser: { Arn: string; AssumedRoleId: string };
}
