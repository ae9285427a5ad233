/**
 * Every error code that an API of Kaap answers, with its HTTP status and whether the same call may succeed later.
 * Codes and statuses are those of Alibaba Cloud (KMS 2016-01-20, STS 2015-04-01, RAM 2015-05-01 and the RPC gateway):
 * "not found" codes of KMS begin with `Forbidden.` but are 404.
 */
const rows = {
  // Gateway: before an action is reached.
  MissingParameter: { status: 400 },
  MissingAction: { status: 400 },
  MissingVersion: { status: 400 },
  MissingTimestamp: { status: 400 },
  MissingSignature: { status: 400 },
  MissingSignatureMethod: { status: 400 },
  MissingSignatureNonce: { status: 400 },
  MissingAccessKeyId: { status: 400 },
  MissingSecurityToken: { status: 400 },
  ParseRequestParameterException: { status: 400 },
  InvalidParameter: { status: 400 },
  InvalidVersion: { status: 400 },
  'InvalidTimeStamp.Format': { status: 400 },
  'InvalidTimeStamp.Expired': { status: 400 },
  IllegalTimestamp: { status: 400 },
  SignatureNonceUsed: { status: 400 },
  SignatureDoesNotMatch: { status: 400 },
  IncompleteSignature: { status: 400 },
  InvalidSignatureMethod: { status: 400 },
  'InvalidAccessKeyId.NotFound': { status: 404 },
  'InvalidAccessKeyId.Inactive': { status: 400 },
  'InvalidSecurityToken.Malformed': { status: 400 },
  'InvalidSecurityToken.Expired': { status: 400 },
  'InvalidSecurityToken.MismatchWithAccessKey': { status: 400 },
  'InvalidApi.NotFound': { status: 404 },
  'InvalidProtocol.NeedSsl': { status: 404 },
  UnsupportedHTTPMethod: { status: 403 },
  RequestBodyTooLarge: { status: 413 },
  Throttling: { status: 400, retryable: true },
  'Throttling.User': { status: 400, retryable: true },
  'Rejected.Throttling': { status: 429, retryable: true },
  // KMS.
  'Rejected.LimitExceeded': { status: 400 },
  AliasAlreadyExists: { status: 400 },
  InvalidKeyMaterial: { status: 400 },
  InvalidImportToken: { status: 400 },
  ExpiredImportToken: { status: 400 },
  InvalidCiphertext: { status: 400 },
  InvalidPassword: { status: 400 },
  InvalidPolicyDocument: { status: 400 },
  'Unsupported.Origin': { status: 400 },
  'Unsupported.Alias': { status: 400 },
  'Unsupported.ProtectionLevel': { status: 400 },
  UnsupportedOperation: { status: 400 },
  'Rejected.UnsupportedOperation': { status: 400 },
  DryRunOperationError: { status: 400 },
  'Forbidden.Opened': { status: 400 },
  'Forbidden.NoPermission': { status: 403 },
  'Forbidden.AccessKey': { status: 403 },
  'Forbidden.KmsServiceNotEnabled': { status: 403 },
  'Forbidden.KeyNotFound': { status: 404 },
  'Forbidden.KeyVersionNotFound': { status: 404 },
  'Forbidden.AliasNotFound': { status: 404 },
  'Forbidden.ResourceNotFound': { status: 404 },
  'Certificate.NotFound': { status: 404 },
  'Rejected.Disabled': { status: 409 },
  'Rejected.PendingDeletion': { status: 409 },
  'Rejected.PendingImport': { status: 409 },
  'Rejected.Unavailable': { status: 409 },
  'Rejected.Enabled': { status: 409 },
  'Rejected.StateModifiedFailed': { status: 409 },
  'Rejected.ResourceExist': { status: 409 },
  'Rejected.ResourceInUse': { status: 409 },
  'Rejected.ResourceInDeleteWindow': { status: 409 },
  InternalFailure: { status: 500, retryable: true },
  ServiceUnavailableTemporary: { status: 503, retryable: true },
  // STS and RAM.
  'InvalidParameter.RoleArn': { status: 400 },
  'InvalidParameter.RoleSessionName': { status: 400 },
  'InvalidParameter.DurationSeconds': { status: 400 },
  'InvalidParameter.PolicyGrammar': { status: 400 },
  'InvalidParameter.PolicySize': { status: 400 },
  'InvalidParameter.OIDCProviderArn': { status: 400 },
  'AuthenticationFail.OIDCToken.Invalid': { status: 400 },
  'AuthenticationFail.OIDCToken.Expired': { status: 400 },
  'AuthenticationFail.NoPermission': { status: 403 },
  NoPermission: { status: 403 },
  'EntityNotExist.Role': { status: 404 },
  'EntityNotExist.User': { status: 404 },
  'EntityNotExist.Policy': { status: 404 },
  'EntityNotExist.OIDCProvider': { status: 404 },
  'EntityAlreadyExists.Role': { status: 409 },
  'EntityAlreadyExists.User': { status: 409 },
  'EntityAlreadyExists.Policy': { status: 409 },
  InternalError: { status: 500, retryable: true },
} as const;

interface ErrorRow {
  status: number;
  retryable?: true;
}

/** The closed set of error codes. */
export type ErrorCode = keyof typeof rows;

/** Code → HTTP status and retryability. Has no prototype, so a lookup by a caller's text finds rows only. */
export const errorTable: Readonly<Record<ErrorCode, ErrorRow>> = Object.assign(
  Object.create(null) as Record<ErrorCode, ErrorRow>,
  rows,
);
