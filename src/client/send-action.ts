import type { Clock } from '../lib/clock.ts';
import type { RequestCredential } from './credentials.ts';
import { isRetryableAnswer, KmsClientError } from './kms-client-error.ts';
import { formBody } from './parameters.ts';
import { signRequest } from './sign-request.ts';
import type { Transport, TransportAnswer } from './transport.ts';

export interface ActionRequest {
  version: string;
  action: string;
  parameters: Readonly<Record<string, unknown>>;
  credential: RequestCredential | undefined;
  signal: AbortSignal;
}

const userAgent = 'kaap-client';

function parseBody(answer: TransportAnswer): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(answer.body.toString('utf8'));
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  } catch {
    // Falls through: whatever is not an object of JSON did not come from the API.
  }
  throw new KmsClientError({
    code: 'InvalidResponse',
    message: `The server answered ${answer.status} without a JSON object. Check that the endpoint is the KMS.`,
    httpStatus: answer.status,
    retryable: answer.status === 429 || answer.status >= 500,
    mayHaveActed: answer.status !== 429,
  });
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function answeredError(status: number, body: Record<string, unknown>): KmsClientError {
  const code = text(body['Code']) ?? 'InvalidResponse';
  const requestId = text(body['RequestId']);
  const detail = body['AccessDeniedDetail'];
  return new KmsClientError({
    code,
    message: text(body['Message']) ?? `The server answered ${status} without a message.`,
    httpStatus: status,
    retryable: isRetryableAnswer(code, status),
    // A 503 may come after the work: the audit log did not take its record.
    mayHaveActed: status >= 500,
    ...(requestId === undefined ? {} : { requestId }),
    ...(typeof detail === 'object' && detail !== null ? { detail: detail as Record<string, string> } : {}),
  });
}

/** Sends one action once. Rejects with KmsClientError, or with the signal's reason. */
export async function sendAction(
  transport: Transport,
  clock: Clock,
  request: ActionRequest,
): Promise<Record<string, unknown>> {
  const body = formBody(request.parameters);
  const { version, action, signal } = request;
  const headers = signRequest(
    { host: transport.host, version, action, body, time: clock.now(), userAgent },
    request.credential,
  );
  const answer = await transport.send({ headers, body, signal });
  const parsed = parseBody(answer);
  if (answer.status < 200 || answer.status > 299) throw answeredError(answer.status, parsed);
  return parsed;
}
