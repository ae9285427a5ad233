/** A policy that exists everywhere and cannot be changed. */
export interface SystemPolicy {
  readonly name: string;
  /** Version that Alibaba Cloud publishes and this follows. */
  readonly version: string;
  readonly description: string;
  /** JSON text. */
  readonly document: string;
}

interface Statement {
  Action: string | string[];
  Resource: string | string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}

function systemPolicy(name: string, version: string, description: string, statements: Statement[]): SystemPolicy {
  const Statement = statements.map((statement) => ({ Effect: 'Allow', ...statement }));
  return { name, version, description, document: JSON.stringify({ Version: '1', Statement }) };
}

/** Kaap has no service-linked roles; the statement stays so that the documents are those that Alibaba publishes. */
const serviceLinkedRole = (...services: string[]): Statement => ({
  Action: 'ram:CreateServiceLinkedRole',
  Resource: '*',
  Condition: { StringEquals: { 'ram:ServiceName': services } },
});

const TAG_ACTIONS = ['ecs:TagResources', 'ecs:UntagResources', 'ecs:ListTagResources'];

const rows: readonly SystemPolicy[] = [
  systemPolicy('AliyunKMSFullAccess', 'v3', 'Everything in KMS.', [
    { Action: 'kms:*', Resource: '*' },
    serviceLinkedRole('secretsmanager-rds.kms.aliyuncs.com', 'keystore.kms.aliyuncs.com'),
  ]),
  systemPolicy(
    'AliyunKMSReadOnlyAccess',
    'v3',
    'Reading names and properties in KMS; no cryptography, no secret values.',
    [
      {
        Action: [
          'kms:List*',
          'kms:Describe*',
          'kms:GetPublicKey',
          'kms:GetUploadBackupDataInfo',
          'kms:GetKmsInstanceSharedAccounts',
          'kms:GetKmsInstanceQuotaInfos',
          'kms:GetCheckAssociateResourceTaskResults',
          'kms:GetKeyPolicy',
          'kms:GetKeyDefaultPolicy',
          'kms:GetSecretPolicy',
          'kms:GetSecretDefaultPolicy',
          'kms:GetKmsInstance',
          'kms:GetDefaultKmsInstance',
        ],
        Resource: '*',
      },
    ],
  ),
  systemPolicy('AliyunKMSCryptoAdminAccess', 'v2', 'Managing and using keys and their aliases.', [
    { Action: 'kms:*', Resource: ['acs:kms:*:*:key*', 'acs:kms:*:*:alias*'] },
    { Action: TAG_ACTIONS, Resource: ['acs:kms:*:*:key/*', 'acs:kms:*:*:secret/*'] },
  ]),
  systemPolicy('AliyunKMSCryptoUserAccess', 'v2', 'Using keys: encrypt, decrypt, sign, verify, MACs.', [
    {
      Action: [
        'kms:Encrypt',
        'kms:Decrypt',
        'kms:GenerateDataKey',
        'kms:GenerateDataKeyWithoutPlaintext',
        'kms:AsymmetricEncrypt',
        'kms:AsymmetricDecrypt',
        'kms:AsymmetricSign',
        'kms:AsymmetricVerify',
        'kms:GetPublicKey',
        'kms:GenerateMac',
        'kms:VerifyMac',
      ],
      Resource: '*',
    },
  ]),
  systemPolicy('AliyunKMSSecretUserAccess', 'v1', 'Reading secret values.', [
    { Action: 'kms:GetSecretValue', Resource: '*' },
    { Action: ['kms:DescribeSecret', 'kms:ListSecretVersionIds'], Resource: '*' },
  ]),
  systemPolicy('AliyunKMSSecretAdminAccess', 'v5', 'Managing and reading secrets.', [
    { Action: 'kms:*', Resource: 'acs:kms:*:*:secret*' },
    { Action: 'kms:GetRandomPassword', Resource: '*' },
    { Action: ['rds:Describe*', 'rds:CreateAccount', 'rds:GrantAccountPrivilege'], Resource: '*' },
    { Action: 'ecs:DescribeInstances', Resource: 'acs:ecs:*:*:instance/*' },
    { Action: TAG_ACTIONS, Resource: 'acs:kms:*:*:secret/*' },
    serviceLinkedRole('secretsmanager-rds.kms.aliyuncs.com', 'secretsmanager-ecs.kms.aliyuncs.com'),
  ]),
];

/** Name → policy: the six system policies of KMS, as Alibaba Cloud publishes them (RAM → system policies). */
export const systemPolicies: ReadonlyMap<string, SystemPolicy> = new Map(rows.map((row) => [row.name, row]));
