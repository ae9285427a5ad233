import { createHmac } from 'node:crypto';
import { lookup as resolve, type LookupAddress } from 'node:dns';
import { request, type RequestOptions } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import type { Clock } from '../lib/clock.ts';
import { ApiError } from '../lib/errors.ts';
import type { RotationHook, RotationRequest } from '../ports/rotation-hook.ts';

/** Where the hook is and how it is spoken to. All of it comes from the configuration, nothing from a caller. */
export interface HttpsRotationHookOptions {
  /** `https:` only. */
  readonly url: URL;
  /** PEM of the authorities that may vouch for it; no others do. */
  readonly ca: string;
  /** Shared with the hook; signs the requests. At least 32 bytes. */
  readonly key: Buffer;
  readonly clock: Clock;
  /** 10,000 unless given. */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 10_000;
const maxAnswerBytes = 4096;

/** Addresses that a name in the configuration never means: metadata services, "this host", multicast, broadcast. */
const neverAHook = new BlockList();
neverAHook.addSubnet('0.0.0.0', 8, 'ipv4');
neverAHook.addSubnet('169.254.0.0', 16, 'ipv4');
neverAHook.addSubnet('100.100.100.200', 32, 'ipv4');
neverAHook.addSubnet('224.0.0.0', 3, 'ipv4');
neverAHook.addAddress('::', 'ipv6');
neverAHook.addSubnet('fe80::', 10, 'ipv6');
neverAHook.addSubnet('ff00::', 8, 'ipv6');

/** Whether an address may be that of a hook; IPv4 addresses in IPv6 form are judged as IPv4. */
export function mayBeHook(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  return !neverAHook.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Asks a hook over HTTPS: `POST`, JSON of {@link RotationRequest}, signed by
 * `X-Kaap-Signature: v1=<hex of HMAC-SHA256(key, timestamp + "." + body)>` with `X-Kaap-Timestamp` in seconds. The hook
 * answers 200 with `{"versionId":"<the same>","status":"Confirmed"}` once the pending value works; anything else, also a
 * redirect or a late answer, is a failure. The answer's text goes into no error: it may hold what was sent.
 */
export class HttpsRotationHook implements RotationHook {
  readonly #options: HttpsRotationHookOptions;

  constructor(options: HttpsRotationHookOptions) {
    if (options.url.protocol !== 'https:') throw new RangeError('a rotation hook is reached over https');
    if (options.key.length < 32) throw new RangeError('the key of a rotation hook has at least 32 bytes');
    this.#options = options;
  }

  async apply(asked: RotationRequest, signal: AbortSignal): Promise<void> {
    const body = Buffer.from(JSON.stringify(asked), 'utf8');
    try {
      const answer = await this.#post(body, signal);
      if (confirms(answer, asked.versionId)) return;
    } catch (error) {
      throw failed(`it cannot be reached or its answer was cut off (${codeOf(error)})`);
    } finally {
      body.fill(0);
    }
    throw failed('it did not confirm');
  }

  #post(body: Buffer, signal: AbortSignal): Promise<Answer> {
    const { url, ca, key, clock, timeoutMs = defaultTimeoutMs } = this.#options;
    const timestamp = String(Math.floor(clock.now() / 1000));
    const signature = createHmac('sha256', key).update(`${timestamp}.`).update(body).digest('hex');
    const options: RequestOptions = {
      method: 'POST',
      ca,
      agent: false,
      lookup: guardedLookup,
      minVersion: 'TLSv1.2',
      headers: {
        'content-type': 'application/json',
        'content-length': body.length,
        'x-kaap-timestamp': timestamp,
        'x-kaap-signature': `v1=${signature}`,
      },
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    };
    // An address in the URL is connected to without a lookup.
    const host = url.hostname.replaceAll(/[[\]]/g, '');
    if (isIP(host) !== 0 && !mayBeHook(host)) return Promise.reject(forbidden());
    return send(url, options, body);
  }
}

interface Answer {
  status: number;
  text: string;
}

function send(url: URL, options: RequestOptions, body: Buffer): Promise<Answer> {
  return new Promise((done, fail) => {
    const call = request(url, options, (response) => {
      const parts: Buffer[] = [];
      let length = 0;
      response.on('data', (part: Buffer) => {
        length += part.length;
        if (length > maxAnswerBytes) response.destroy(Object.assign(new Error('too long'), { code: 'TOO_LONG' }));
        else parts.push(part);
      });
      response.on('error', fail);
      response.on('end', () => done({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }));
    });
    call.on('error', fail);
    call.end(body);
  });
}

/** Resolves a name, and refuses it when any address of it is one that no hook has. */
const guardedLookup: LookupFunction = (hostname, options, callback) => {
  resolve(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    const [first] = addresses ?? [];
    if (error !== null || first === undefined) callback(error ?? forbidden(), '');
    else if (!addresses.every(({ address }) => mayBeHook(address))) callback(forbidden(), '');
    else if (options.all === true) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};

function forbidden(): NodeJS.ErrnoException {
  return Object.assign(new Error('not an address of a hook'), { code: 'ADDRESS_FORBIDDEN' });
}

function confirms({ status, text }: Answer, versionId: string): boolean {
  if (status !== 200) return false;
  try {
    const answer = JSON.parse(text) as { versionId?: unknown; status?: unknown } | null;
    return answer?.versionId === versionId && answer.status === 'Confirmed';
  } catch {
    return false;
  }
}

function codeOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return typeof code === 'string' ? code : String(name);
}

function failed(why: string): ApiError {
  return new ApiError(
    'ServiceUnavailableTemporary',
    `The rotation hook did not change the credential: ${why}. The value before stays current; see to the hook and rotate again.`,
  );
}
