import type { Operation, StringMap } from './operation.ts';

/** Actions that use a key (KMS 2016-01-20). Bytes travel as base64. */
export interface CryptoOperations {
  Encrypt: Operation<
    { DryRun?: boolean | undefined; EncryptionContext?: StringMap | undefined; KeyId: string; Plaintext: string },
    { CiphertextBlob: string; KeyId: string; KeyVersionId: string }
  >;
  Decrypt: Operation<
    { CiphertextBlob: string; DryRun?: boolean | undefined; EncryptionContext?: StringMap | undefined },
    { KeyId: string; KeyVersionId: string; Plaintext: string }
  >;
  ReEncrypt: Operation<
    {
      CiphertextBlob: string;
      DestinationEncryptionContext?: StringMap | undefined;
      DestinationKeyId: string;
      DryRun?: boolean | undefined;
      SourceEncryptionAlgorithm?: string | undefined;
      SourceEncryptionContext?: StringMap | undefined;
      SourceKeyId?: string | undefined;
      SourceKeyVersionId?: string | undefined;
    },
    { CiphertextBlob: string; KeyId: string; KeyVersionId: string }
  >;
  GenerateDataKey: Operation<
    {
      DryRun?: boolean | undefined;
      EncryptionContext?: StringMap | undefined;
      KeyId: string;
      KeySpec?: string | undefined;
      NumberOfBytes?: number | undefined;
    },
    { CiphertextBlob: string; KeyId: string; KeyVersionId: string; Plaintext: string }
  >;
  GenerateDataKeyWithoutPlaintext: Operation<
    {
      DryRun?: boolean | undefined;
      EncryptionContext?: StringMap | undefined;
      KeyId: string;
      KeySpec?: string | undefined;
      NumberOfBytes?: number | undefined;
    },
    { CiphertextBlob: string; KeyId: string; KeyVersionId: string }
  >;
  AsymmetricSign: Operation<
    { Algorithm: string; Digest: string; DryRun?: boolean | undefined; KeyId: string; KeyVersionId: string },
    { KeyId: string; KeyVersionId: string; Value: string }
  >;
  AsymmetricVerify: Operation<
    {
      Algorithm: string;
      Digest: string;
      DryRun?: boolean | undefined;
      KeyId: string;
      KeyVersionId: string;
      Value: string;
    },
    { KeyId: string; KeyVersionId: string; Value: boolean }
  >;
  AsymmetricEncrypt: Operation<
    { Algorithm: string; DryRun?: boolean | undefined; KeyId: string; KeyVersionId: string; Plaintext: string },
    { CiphertextBlob: string; KeyId: string; KeyVersionId: string }
  >;
  AsymmetricDecrypt: Operation<
    { Algorithm: string; CiphertextBlob: string; DryRun?: boolean | undefined; KeyId: string; KeyVersionId: string },
    { KeyId: string; KeyVersionId: string; Plaintext: string }
  >;
  GetPublicKey: Operation<
    { DryRun?: boolean | undefined; KeyId: string; KeyVersionId?: string | undefined },
    { KeyId: string; KeyVersionId: string; PublicKey: string }
  >;
}
