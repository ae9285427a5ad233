import { z } from 'zod';
import { ApiError, isApiError } from '../lib/errors.ts';
import { roleNameOf } from '../policy/arn.ts';
import { parsePolicyDocument, PolicyDocumentError } from '../policy/document.ts';

/** What every way to assume a role takes, as the caller wrote it. */
export interface SessionInput {
  RoleArn: string;
  RoleSessionName: string;
  DurationSeconds?: string | undefined;
  Policy?: string | undefined;
}

/** Schema of {@link SessionInput}, for the actions that take more. */
export const sessionParameters: {
  RoleArn: z.ZodString;
  RoleSessionName: z.ZodString;
  DurationSeconds: z.ZodOptional<z.ZodString>;
  Policy: z.ZodOptional<z.ZodString>;
} = {
  RoleArn: z.string(),
  RoleSessionName: z.string(),
  DurationSeconds: z.string().optional(),
  Policy: z.string().optional(),
};

/** The same, checked. */
export interface SessionRequest {
  readonly roleName: string;
  readonly sessionName: string;
  /** Unless given, the default of one hour. */
  readonly durationSeconds: number;
  /** JSON text. */
  readonly sessionPolicy?: string;
}

const MIN_SECONDS = 900;
const DEFAULT_SECONDS = 3600;

/** Longest session that exists, in seconds. A role may allow less, see {@link checkDuration}. */
const MAX_SECONDS = 43_200;

/** STS AssumeRole → RoleSessionName. No `/`, `*` or `:`, so that the session's ARN has one reading. */
const SESSION_NAME = /^[A-Za-z0-9.@_-]{2,64}$/;

/**
 * Checks the form of a request to assume a role.
 *
 * @throws ApiError `InvalidParameter.RoleArn`, `.RoleSessionName`, `.DurationSeconds`, `.PolicyGrammar`, `.PolicySize`.
 */
export function parseSessionRequest(input: SessionInput, accountId: string): SessionRequest {
  const roleName = roleNameOf(input.RoleArn, accountId);
  if (roleName === undefined) {
    throw new ApiError('InvalidParameter.RoleArn', `RoleArn must be acs:ram::${accountId}:role/<name>.`);
  }
  if (!SESSION_NAME.test(input.RoleSessionName)) {
    throw new ApiError(
      'InvalidParameter.RoleSessionName',
      'RoleSessionName must have 2 to 64 letters, digits, ".", "@", "_" and "-".',
    );
  }
  const request = {
    roleName,
    sessionName: input.RoleSessionName,
    durationSeconds: parseDuration(input.DurationSeconds),
  };
  if (input.Policy === undefined || input.Policy === '') return request;
  return { ...request, sessionPolicy: checkSessionPolicy(input.Policy) };
}

function parseDuration(text: string | undefined): number {
  if (text === undefined || text === '') return DEFAULT_SECONDS;
  const seconds = /^[0-9]{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= MIN_SECONDS && seconds <= MAX_SECONDS) return seconds;
  throw durationError(MAX_SECONDS);
}

/** @throws ApiError `InvalidParameter.DurationSeconds` when the session would be longer than `maxSeconds`. */
export function checkDuration(request: SessionRequest, maxSeconds: number): void {
  if (request.durationSeconds > maxSeconds) throw durationError(maxSeconds);
}

function durationError(maxSeconds: number): ApiError {
  return new ApiError(
    'InvalidParameter.DurationSeconds',
    `DurationSeconds must be ${MIN_SECONDS} to ${maxSeconds} for this role.`,
  );
}

function checkSessionPolicy(document: string): string {
  try {
    parsePolicyDocument(document, 'session');
    return document;
  } catch (error) {
    if (!isApiError(error)) throw error;
    const tooLong = error instanceof PolicyDocumentError && error.tooLong;
    throw new ApiError(tooLong ? 'InvalidParameter.PolicySize' : 'InvalidParameter.PolicyGrammar', error.message);
  }
}
