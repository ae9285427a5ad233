import type { Nothing, Operation } from './operation.ts';

/** Actions on keys and aliases (KMS 2016-01-20). */
export interface KeyOperations {
  CreateKey: Operation<
    {
      DKMSInstanceId?: string | undefined;
      Description?: string | undefined;
      EnableAutomaticRotation?: boolean | undefined;
      KeySpec?: string | undefined;
      KeyStorageMechanism?: string | undefined;
      KeyUsage?: string | undefined;
      Origin?: string | undefined;
      Policy?: string | undefined;
      ProtectionLevel?: string | undefined;
      RotationInterval?: string | undefined;
      Tags?: string | undefined;
    },
    {
      KeyMetadata: {
        Arn: string;
        AutomaticRotation: string;
        CreationDate: string;
        Creator: string;
        DKMSInstanceId: string;
        DeleteDate: string;
        Description: string;
        KeyId: string;
        KeySpec: string;
        KeyState: string;
        KeyUsage: string;
        LastRotationDate: string;
        MaterialExpireTime: string;
        NextRotationDate: string;
        Origin: string;
        PrimaryKeyVersion: string;
        ProtectionLevel: string;
        RotationInterval: string;
      };
    }
  >;
  DescribeKey: Operation<
    { KeyId: string },
    {
      KeyMetadata: {
        Arn: string;
        AutomaticRotation: string;
        CreationDate: string;
        Creator: string;
        DKMSInstanceId: string;
        DeleteDate: string;
        DeletionProtection: string;
        DeletionProtectionDescription: string;
        Description: string;
        KeyId: string;
        KeySpec: string;
        KeyState: string;
        KeyUsage: string;
        LastRotationDate: string;
        MaterialExpireTime: string;
        NextRotationDate: string;
        Origin: string;
        PrimaryKeyVersion: string;
        ProtectionLevel: string;
        RotationInterval: string;
      };
    }
  >;
  ListKeys: Operation<
    { Filters?: string | undefined; PageNumber?: number | undefined; PageSize?: number | undefined },
    { Keys: { Key: { KeyArn: string; KeyId: string }[] }; PageNumber: number; PageSize: number; TotalCount: number }
  >;
  EnableKey: Operation<{ KeyId: string }, Nothing>;
  DisableKey: Operation<{ KeyId: string }, Nothing>;
  ScheduleKeyDeletion: Operation<{ KeyId: string; PendingWindowInDays: number }, Nothing>;
  CancelKeyDeletion: Operation<{ KeyId: string }, Nothing>;
  UpdateKeyDescription: Operation<{ Description: string; KeyId: string }, Nothing>;
  UpdateRotationPolicy: Operation<
    { EnableAutomaticRotation: boolean; KeyId: string; RotationInterval?: string | undefined },
    Nothing
  >;
  SetDeletionProtection: Operation<
    {
      DeletionProtectionDescription?: string | undefined;
      EnableDeletionProtection: boolean;
      KeyId?: string | undefined;
      KmsInstanceId?: string | undefined;
      ProtectedResourceArn?: string | undefined;
    },
    Nothing
  >;
  CreateKeyVersion: Operation<
    { KeyId: string },
    { KeyVersion: { CreationDate: string; KeyId: string; KeyVersionId: string } }
  >;
  ListKeyVersions: Operation<
    { KeyId: string; PageNumber?: number | undefined; PageSize?: number | undefined },
    {
      KeyVersions: { KeyVersion: { CreationDate: string; KeyId: string; KeyVersionId: string }[] };
      PageNumber: number;
      PageSize: number;
      TotalCount: number;
    }
  >;
  SetKeyPolicy: Operation<{ KeyId: string; Policy: string; PolicyName?: string | undefined }, Nothing>;
  GetKeyPolicy: Operation<{ KeyId: string; PolicyName?: string | undefined }, { Policy: string }>;
  CreateAlias: Operation<{ AliasName: string; KeyId: string }, Nothing>;
  UpdateAlias: Operation<{ AliasName: string; KeyId: string }, Nothing>;
  DeleteAlias: Operation<{ AliasName: string }, Nothing>;
  ListAliases: Operation<
    { PageNumber?: number | undefined; PageSize?: number | undefined },
    {
      Aliases: { Alias: { AliasArn: string; AliasName: string; KeyId: string }[] };
      PageNumber: number;
      PageSize: number;
      TotalCount: number;
    }
  >;
  ListAliasesByKeyId: Operation<
    { KeyId: string; PageNumber?: number | undefined; PageSize?: number | undefined },
    {
      Aliases: { Alias: { AliasArn: string; AliasName: string; KeyId: string }[] };
      PageNumber: number;
      PageSize: number;
      TotalCount: number;
    }
  >;
  TagResource: Operation<
    { CertificateId?: string | undefined; KeyId?: string | undefined; SecretName?: string | undefined; Tags: string },
    Nothing
  >;
  UntagResource: Operation<
    {
      CertificateId?: string | undefined;
      KeyId?: string | undefined;
      SecretName?: string | undefined;
      TagKeys: string;
    },
    Nothing
  >;
  ListResourceTags: Operation<
    { KeyId: string },
    { Tags: { Tag: { KeyId: string; TagKey: string; TagValue: string }[] } }
  >;
}
