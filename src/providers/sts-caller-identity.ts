import { z } from 'zod';
import { acs3Authorization } from '../lib/acs3-headers.ts';
import { callerIdentityAlgorithm, callerIdentityHeaders } from '../lib/caller-identity.ts';
import { ApiError } from '../lib/errors.ts';
import type { CallerIdentity, CallerIdentityProof, CallerIdentityVerifier } from '../ports/caller-identity.ts';
import { createPinnedFetch } from './pinned-fetch.ts';

/** Where the other STS is and whom it is believed. All of it comes from the configuration, nothing from a caller. */
export interface StsCallerIdentityOptions {
  /** `https:`, without a path. */
  readonly url: URL;
  /** PEM of the authorities that may vouch for it; no others do. */
  readonly caPem: string;
  /** Name of this installation, which callers put into what they sign. */
  readonly audience: string;
  /** 5,000 unless given. */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 5000;
const maxAnswerBytes = 16 * 1024;
/** Requests that are under way at one time at most. Further callers are told to come back. */
const maxUnderWay = 64;

/** One spelling only: no path, no wildcard, no `/` in the name of the session. */
const sessionArn = /^acs:ram::([0-9]{1,32}):assumed-role\/([A-Za-z0-9._-]{1,64})\/([A-Za-z0-9.@_-]{2,64})$/;

const answerSchema = z.object({ Arn: z.string(), AccountId: z.string(), IdentityType: z.string() });
const refusalSchema = z.object({ Code: z.string() });

/**
 * Asks another STS who signed a request. Host, action, version, method and everything else that shapes it are put together
 * here; of the caller are only the key id, token, date, nonce and signature, which must fit (checklist C8).
 */
export function createStsCallerIdentity(options: StsCallerIdentityOptions): CallerIdentityVerifier {
  const { url, caPem, audience, timeoutMs = defaultTimeoutMs } = options;
  if (url.protocol !== 'https:') throw new RangeError('the STS is reached over https');
  const fetch = createPinnedFetch({ caPem, fingerprints: [], maxAnswerBytes });
  let underWay = 0;
  return {
    audience,
    identify: async (proof, signal) => {
      if (underWay >= maxUnderWay) throw outage('is asked too much at once');
      underWay += 1;
      try {
        const request = {
          method: 'POST',
          headers: new Headers(signedHeaders(proof, url.host)),
          signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        };
        return identityIn(await answerOf(() => fetch(`https://${url.host}/`, request)));
      } finally {
        underWay -= 1;
      }
    },
  };
}

function signedHeaders(proof: CallerIdentityProof, host: string): Record<string, string> {
  const headers = callerIdentityHeaders({ ...proof, host });
  const authorization = acs3Authorization(callerIdentityAlgorithm, proof.accessKeyId, headers, proof.signature);
  return { ...headers, accept: 'application/json', 'user-agent': 'kaap', authorization };
}

interface StsAnswer {
  status: number;
  body: unknown;
}

async function answerOf(ask: () => Promise<Response>): Promise<StsAnswer> {
  try {
    const response = await ask();
    return { status: response.status, body: JSON.parse(await response.text()) as unknown };
  } catch {
    // Without the cause: what a connection throws may quote what was sent.
    throw outage('does not answer, or not in its form');
  }
}

function identityIn({ status, body }: StsAnswer): CallerIdentity {
  if (status === 200) return readIdentity(body);
  const refused =
    status >= 400 && status < 500 && status !== 408 && status !== 429 && refusalSchema.safeParse(body).success;
  throw refused ? invalid('the STS refuses it') : outage('does not give an answer that is clear');
}

function readIdentity(body: unknown): CallerIdentity {
  const answer = answerSchema.safeParse(body);
  if (!answer.success) throw outage('does not answer in its form');
  const { Arn: arn, AccountId, IdentityType } = answer.data;
  const [, accountId, roleName] = sessionArn.exec(arn) ?? [];
  if (accountId === undefined || roleName === undefined || IdentityType !== 'AssumedRoleUser') {
    throw invalid('it is not signed by a session of a role');
  }
  if (accountId !== AccountId) throw outage('contradicts itself');
  return { arn, accountId, roleName };
}

function invalid(why: string): ApiError {
  return new ApiError(
    'AuthenticationFail.CallerIdentity.Invalid',
    `The signed GetCallerIdentity request is not accepted: ${why}. Sign it with a session that has not ended, for this installation and this role.`,
  );
}

function outage(what: string): ApiError {
  return new ApiError(
    'ServiceUnavailableTemporary',
    `The STS that proves callers ${what}, so nobody is believed by it. Try again with a new signature.`,
  );
}
