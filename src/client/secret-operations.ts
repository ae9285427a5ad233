import type { Nothing, Operation, StringMap } from './operation.ts';

/** Actions on secrets (KMS 2016-01-20). */
export interface SecretOperations {
  CreateSecret: Operation<
    {
      DKMSInstanceId?: string | undefined;
      Description?: string | undefined;
      EnableAutomaticRotation?: boolean | undefined;
      EncryptionKeyId?: string | undefined;
      ExtendedConfig?: StringMap | undefined;
      Policy?: string | undefined;
      RotationInterval?: string | undefined;
      SecretData: string;
      SecretDataType?: string | undefined;
      SecretName: string;
      SecretType?: string | undefined;
      Tags?: string | undefined;
      VersionId: string;
    },
    {
      Arn: string;
      AutomaticRotation: string;
      DKMSInstanceId: string;
      ExtendedConfig: string;
      NextRotationDate: string;
      RotationInterval: string;
      SecretName: string;
      SecretType: string;
      VersionId: string;
    }
  >;
  DescribeSecret: Operation<
    { FetchTags?: boolean | undefined; SecretName: string },
    {
      Arn: string;
      AutomaticRotation: string;
      CreateTime: string;
      DKMSInstanceId: string;
      Description: string;
      EncryptionKeyId: string;
      ExtendedConfig: string;
      LastRotationDate: string;
      NextRotationDate: string;
      OwingService: string;
      PlannedDeleteTime: string;
      RotationInterval: string;
      SecretDataGenerator?: string;
      SecretName: string;
      SecretType: string;
      Tags: { Tag: { TagKey: string; TagValue: string }[] };
      UpdateTime: string;
    }
  >;
  ListSecrets: Operation<
    {
      FetchTags?: boolean | undefined;
      Filters?: string | undefined;
      PageNumber?: number | undefined;
      PageSize?: number | undefined;
    },
    {
      PageNumber: number;
      PageSize: number;
      SecretList: {
        Secret: {
          CreateTime: string;
          OwingService: string;
          PlannedDeleteTime: string;
          SecretName: string;
          SecretType: string;
          Tags: { Tag: { TagKey: string; TagValue: string }[] };
          UpdateTime: string;
        }[];
      };
      TotalCount: number;
    }
  >;
  GetSecretValue: Operation<
    {
      DryRun?: boolean | undefined;
      FetchExtendedConfig?: boolean | undefined;
      SecretName: string;
      VersionId?: string | undefined;
      VersionStage?: string | undefined;
    },
    {
      AutomaticRotation: string;
      CreateTime: string;
      ExtendedConfig: string;
      LastRotationDate: string;
      NextRotationDate: string;
      RotationInterval: string;
      SecretData: string;
      SecretDataType: string;
      SecretName: string;
      SecretType: string;
      VersionId: string;
      VersionStages: { VersionStage: string[] };
    }
  >;
  /** Kaap's own: waits for another version than the one that `State` stands for. */
  WaitSecretChanges: Operation<
    {
      /** JSON list of `{SecretName, VersionStage?, State?}`. */
      Secrets: string;
      WaitSeconds?: number | undefined;
      /** `Versions` needs the permission of ListSecretVersionIds; `Value`, which it is unless given, that of GetSecretValue. */
      Watch?: 'Value' | 'Versions' | undefined;
    },
    { Secrets: { Secret: { SecretName: string; State: string; Changed: boolean }[] } }
  >;
  /** Kaap's own: who reads the secret, the last to read first. */
  ListSecretConsumers: Operation<
    { SecretName: string },
    {
      SecretName: string;
      ObservedSince: string;
      /** Empty when nobody has read it since. */
      LastUsedTime: string;
      ReadCount: number;
      /** No read was lost, and no consumer had to go for later ones. */
      Complete: boolean;
      DroppedConsumers: number;
      Consumers: {
        Consumer: {
          Principal: string;
          /** Empty, as are the next two, where the caller is no pod. */
          Namespace: string;
          ServiceAccount: string;
          PodName: string;
          FirstUsedTime: string;
          LastUsedTime: string;
          ReadCount: number;
        }[];
      };
    }
  >;
  PutSecretValue: Operation<
    {
      SecretData: string;
      SecretDataType?: string | undefined;
      SecretName: string;
      VersionId: string;
      VersionStages?: string | undefined;
    },
    { SecretName: string; VersionId: string; VersionStages: { VersionStage: string[] } }
  >;
  UpdateSecret: Operation<
    { ExtendedConfig?: { CustomData: StringMap } | undefined; Description?: string | undefined; SecretName: string },
    { SecretName: string }
  >;
  DeleteSecret: Operation<
    { ForceDeleteWithoutRecovery?: boolean | undefined; RecoveryWindowInDays?: number | undefined; SecretName: string },
    { PlannedDeleteTime: string; SecretName: string }
  >;
  RestoreSecret: Operation<{ SecretName: string }, { SecretName: string }>;
  RotateSecret: Operation<
    { SecretName: string; VersionId: string },
    { Arn: string; SecretName: string; VersionId: string }
  >;
  ListSecretVersionIds: Operation<
    {
      IncludeDeprecated?: string | undefined;
      PageNumber?: number | undefined;
      PageSize?: number | undefined;
      SecretName: string;
    },
    {
      PageNumber: number;
      PageSize: number;
      SecretName: string;
      TotalCount: number;
      VersionIds: { VersionId: { CreateTime: string; VersionId: string; VersionStages: { VersionStage: string[] } }[] };
    }
  >;
  UpdateSecretVersionStage: Operation<
    {
      MoveToVersion?: string | undefined;
      RemoveFromVersion?: string | undefined;
      SecretName: string;
      VersionStage: string;
    },
    { SecretName: string }
  >;
  GetRandomPassword: Operation<
    {
      ExcludeCharacters?: string | undefined;
      ExcludeLowercase?: boolean | undefined;
      ExcludeNumbers?: boolean | undefined;
      ExcludePunctuation?: boolean | undefined;
      ExcludeUppercase?: boolean | undefined;
      PasswordLength?: number | undefined;
      RequireEachIncludedType?: boolean | undefined;
    },
    { RandomPassword: string }
  >;
  SetSecretPolicy: Operation<{ Policy: string; PolicyName?: string | undefined; SecretName: string }, Nothing>;
  GetSecretPolicy: Operation<{ PolicyName?: string | undefined; SecretName: string }, { Policy: string }>;
}
