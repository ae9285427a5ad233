import type { AgentConfig, AgentEndpoint } from '../agent-config.ts';
import type { SecretAnswer } from '../source-value.ts';

/** Why there is no answer: an HTTP status, a code of KMS or of the endpoint, and what to do. */
export interface EndpointFailure {
  status: number;
  code: string;
  message: string;
}

type Account = Pick<AgentConfig, 'region' | 'accountId'>;

/** How answers look to the programs that ask. */
export interface AnswerForm {
  value(answer: SecretAnswer, account: Account): object;
  failure(failure: EndpointFailure): object;
  /** The name in KMS of a stage that the program names. */
  stage(name: string): string;
}

const same = (name: string): string => name;

/** Stages of AWS Secrets Manager, and what they are in KMS. */
const awsStages: readonly (readonly [aws: string, kms: string])[] = [
  ['AWSCURRENT', 'ACSCurrent'],
  ['AWSPREVIOUS', 'ACSPrevious'],
];

/** The three forms of the KMS Agent (`ResponseType` 0, 1 and 2 of its configuration). */
export const answerForms: Readonly<Record<AgentEndpoint['responseType'], AnswerForm>> = {
  /** KMS 2016-01-20, GetSecretValue. */
  KMS: {
    value: (answer) => answer,
    failure: ({ code, message }) => ({ Code: code, Message: message }),
    stage: same,
  },
  /** AWS Secrets Manager 2017-10-17, GetSecretValue: dates are seconds. */
  SecretsManager: {
    value: (answer, { region, accountId }) => ({
      ARN: `acs:kms:${region}:${accountId}:secret/${answer.SecretName}`,
      Name: answer.SecretName,
      VersionId: answer.VersionId,
      [answer.SecretDataType === 'binary' ? 'SecretBinary' : 'SecretString']: answer.SecretData,
      VersionStages: answer.VersionStages.VersionStage.map(
        (stage) => awsStages.find(([, kms]) => kms === stage)?.[0] ?? stage,
      ),
      CreatedDate: Date.parse(answer.CreateTime) / 1000,
    }),
    failure: ({ code, message }) => ({ __type: code, message }),
    stage: (name) => awsStages.find(([aws]) => aws === name)?.[1] ?? name,
  },
  /**
   * Vault, KV version 2, read of a secret. Versions of KMS have names and no numbers: `version` is always 1, and the name is
   * in `custom_metadata`.
   */
  VaultKV: {
    value: (answer) => ({
      request_id: '',
      lease_id: '',
      renewable: false,
      lease_duration: 0,
      data: {
        data: fieldsOf(answer),
        metadata: {
          created_time: answer.CreateTime,
          custom_metadata: {
            version_id: answer.VersionId,
            version_stages: answer.VersionStages.VersionStage.join(','),
          },
          deletion_time: '',
          destroyed: false,
          version: 1,
        },
      },
      wrap_info: null,
      warnings: null,
      auth: null,
    }),
    failure: ({ code, message }) => ({ errors: [`${code}: ${message}`] }),
    stage: same,
  },
};

/** Secrets of Vault have fields: those of a JSON object, or one named `value` for any other text. */
function fieldsOf({ SecretData, SecretDataType }: SecretAnswer): object {
  if (SecretDataType === 'binary') return { value: SecretData };
  try {
    const value: unknown = JSON.parse(SecretData);
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value;
  } catch {
    // Text that is no JSON.
  }
  return { value: SecretData };
}
