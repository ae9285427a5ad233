import type { AnyAction } from '../ports/action.ts';
import {
  createApplicationAccessPoint,
  deleteApplicationAccessPoint,
  describeApplicationAccessPoint,
  listApplicationAccessPoints,
  updateApplicationAccessPoint,
} from './actions/access-points/access-points.ts';
import { deleteClientKey, getClientKey, listClientKeys } from './actions/access-points/client-keys.ts';
import { createClientKey } from './actions/access-points/create-client-key.ts';
import {
  createNetworkRule,
  deleteNetworkRule,
  describeNetworkRule,
  listNetworkRules,
  updateNetworkRule,
} from './actions/access-points/network-rules.ts';
import {
  createPolicy,
  deletePolicy,
  describePolicy,
  listPolicies,
  updatePolicy,
} from './actions/access-points/policies.ts';
import { describeAccountKmsStatus, describeRegions, openKmsService } from './actions/account/account.ts';
import { getDefaultKmsInstance, getKmsInstance, listKmsInstances } from './actions/account/instances.ts';
import { createUnsupportedActions } from './actions/account/unsupported.ts';
import { createAlias, deleteAlias, updateAlias } from './actions/aliases/alias-changes.ts';
import { listAliases, listAliasesByKeyId } from './actions/aliases/list-aliases.ts';
import {
  certificatePrivateKeyDecrypt,
  certificatePublicKeyEncrypt,
} from './actions/certificates/certificate-encryption.ts';
import { certificatePrivateKeySign, certificatePublicKeyVerify } from './actions/certificates/certificate-signature.ts';
import { deleteCertificate, updateCertificateStatus } from './actions/certificates/certificate-status.ts';
import { createCertificate } from './actions/certificates/create-certificate.ts';
import { describeCertificate, getCertificate } from './actions/certificates/describe-certificate.ts';
import { uploadCertificate } from './actions/certificates/upload-certificate.ts';
import { asymmetricDecrypt, asymmetricEncrypt } from './actions/crypto/asymmetric-encryption.ts';
import { asymmetricSign, asymmetricVerify } from './actions/crypto/asymmetric-signature.ts';
import { decrypt } from './actions/crypto/decrypt.ts';
import { encrypt } from './actions/crypto/encrypt.ts';
import { exportDataKey, generateAndExportDataKey } from './actions/crypto/export-data-key.ts';
import { generateDataKeyPair, generateDataKeyPairWithoutPlaintext } from './actions/crypto/generate-data-key-pair.ts';
import { generateDataKey, generateDataKeyWithoutPlaintext } from './actions/crypto/generate-data-key.ts';
import { getPublicKey } from './actions/crypto/get-public-key.ts';
import { generateMac, verifyMac } from './actions/crypto/mac.ts';
import { reEncrypt } from './actions/crypto/re-encrypt.ts';
import { createManagedDataKey, createManagedDataKeyVersion } from './actions/data-keys/create-managed-data-key.ts';
import { getManagedDataKey } from './actions/data-keys/get-managed-data-key.ts';
import { listManagedDataKeys, listManagedDataKeyVersions } from './actions/data-keys/list-managed-data-keys.ts';
import { deleteManagedDataKey, restoreManagedDataKey } from './actions/data-keys/managed-data-key-deletion.ts';
import { createKeyVersion } from './actions/keys/create-key-version.ts';
import { createKey } from './actions/keys/create-key.ts';
import { describeKey } from './actions/keys/describe-key.ts';
import { deleteKeyMaterial, getParametersForImport, importKeyMaterial } from './actions/keys/key-material.ts';
import { blockKeyUse, unblockKeyUse } from './actions/external/block-key-use.ts';
import { cancelKeyDeletion, scheduleKeyDeletion } from './actions/keys/key-deletion.ts';
import { getKeyPolicy, setKeyPolicy } from './actions/keys/key-policy.ts';
import { describeKeyVersion, listKeyVersions } from './actions/keys/key-versions.ts';
import { listKeys } from './actions/keys/list-keys.ts';
import { setDeletionProtection } from './actions/keys/set-deletion-protection.ts';
import { disableKey, enableKey } from './actions/keys/switch-key.ts';
import { updateKeyDescription } from './actions/keys/update-key-description.ts';
import { updateRotationPolicy } from './actions/keys/update-rotation-policy.ts';
import { batchGetSecretValue } from './actions/secrets/batch-get-secret-value.ts';
import { createSecret } from './actions/secrets/create-secret.ts';
import { describeSecret } from './actions/secrets/describe-secret.ts';
import { getRandomPassword } from './actions/secrets/get-random-password.ts';
import { getSecretValue } from './actions/secrets/get-secret-value.ts';
import { listSecretConsumers } from './actions/secrets/list-secret-consumers.ts';
import { listSecretVersionIds } from './actions/secrets/list-secret-version-ids.ts';
import { listSecrets } from './actions/secrets/list-secrets.ts';
import { putSecretValue } from './actions/secrets/put-secret-value.ts';
import { deleteSecret, restoreSecret } from './actions/secrets/secret-deletion.ts';
import { rotateSecretAction } from './actions/secrets/rotate-secret.ts';
import { getSecretPolicy, setSecretPolicy } from './actions/secrets/secret-policy.ts';
import { updateSecretRotationPolicy } from './actions/secrets/update-secret-rotation-policy.ts';
import { updateSecretVersionStage } from './actions/secrets/update-secret-version-stage.ts';
import { updateSecret } from './actions/secrets/update-secret.ts';
import { waitSecretChanges } from './actions/secrets/wait-secret-changes.ts';
import { listTagResources } from './actions/tags/list-tag-resources.ts';
import { tagResources, untagResources } from './actions/tags/tag-resources.ts';
import { listResourceTags, tagResource, untagResource } from './actions/tags/tags.ts';
import type { KmsDependencies } from './dependencies.ts';

/** One row per action: what makes it. */
const rows: readonly ((dependencies: KmsDependencies) => AnyAction)[] = [
  // Keys.
  createKey,
  describeKey,
  listKeys,
  enableKey,
  disableKey,
  updateKeyDescription,
  scheduleKeyDeletion,
  cancelKeyDeletion,
  setDeletionProtection,
  getKeyPolicy,
  setKeyPolicy,
  createKeyVersion,
  describeKeyVersion,
  listKeyVersions,
  updateRotationPolicy,
  getParametersForImport,
  importKeyMaterial,
  deleteKeyMaterial,
  // The kill switch of keys that are held elsewhere.
  blockKeyUse,
  unblockKeyUse,
  // Aliases.
  createAlias,
  updateAlias,
  deleteAlias,
  listAliases,
  listAliasesByKeyId,
  // Tags of keys and secrets.
  tagResource,
  untagResource,
  listResourceTags,
  tagResources,
  untagResources,
  listTagResources,
  // Cryptography.
  encrypt,
  decrypt,
  reEncrypt,
  generateDataKey,
  generateDataKeyWithoutPlaintext,
  generateDataKeyPair,
  generateDataKeyPairWithoutPlaintext,
  exportDataKey,
  generateAndExportDataKey,
  asymmetricSign,
  asymmetricVerify,
  asymmetricEncrypt,
  asymmetricDecrypt,
  getPublicKey,
  generateMac,
  verifyMac,
  // Secrets.
  createSecret,
  putSecretValue,
  getSecretValue,
  batchGetSecretValue,
  waitSecretChanges,
  describeSecret,
  listSecrets,
  listSecretVersionIds,
  listSecretConsumers,
  updateSecret,
  updateSecretVersionStage,
  deleteSecret,
  restoreSecret,
  rotateSecretAction,
  updateSecretRotationPolicy,
  getSecretPolicy,
  setSecretPolicy,
  getRandomPassword,
  // Managed data keys.
  createManagedDataKey,
  createManagedDataKeyVersion,
  getManagedDataKey,
  listManagedDataKeys,
  listManagedDataKeyVersions,
  deleteManagedDataKey,
  restoreManagedDataKey,
  // Certificates.
  createCertificate,
  uploadCertificate,
  getCertificate,
  describeCertificate,
  updateCertificateStatus,
  deleteCertificate,
  certificatePrivateKeySign,
  certificatePublicKeyVerify,
  certificatePublicKeyEncrypt,
  certificatePrivateKeyDecrypt,
  // Access points.
  createNetworkRule,
  updateNetworkRule,
  describeNetworkRule,
  deleteNetworkRule,
  listNetworkRules,
  createPolicy,
  updatePolicy,
  describePolicy,
  deletePolicy,
  listPolicies,
  createApplicationAccessPoint,
  updateApplicationAccessPoint,
  describeApplicationAccessPoint,
  deleteApplicationAccessPoint,
  listApplicationAccessPoints,
  createClientKey,
  getClientKey,
  deleteClientKey,
  listClientKeys,
  // Account and instances.
  describeRegions,
  describeAccountKmsStatus,
  openKmsService,
  listKmsInstances,
  getKmsInstance,
  getDefaultKmsInstance,
];

/**
 * Every action of KMS (2016-01-20): those that this installation answers, and those that it says are not supported. Dry runs
 * work with what `rehearse` gives, such as {@link rehearsalOf}.
 */
export function createKmsActions(
  dependencies: KmsDependencies,
  rehearse?: () => KmsDependencies,
): readonly AnyAction[] {
  const actions = rows.map((row) =>
    rehearse === undefined ? row(dependencies) : { ...row(dependencies), rehearsal: () => row(rehearse()) },
  );
  return [...actions, ...createUnsupportedActions(dependencies)];
}
