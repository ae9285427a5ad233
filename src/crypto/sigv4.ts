import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';

/** An access key of AWS Signature Version 4. */
export interface SigV4Credential {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** What is signed of a request. The names of `headers` are in lower case. */
export interface SigV4Request {
  readonly method: string;
  readonly host: string;
  /** Without a query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** `<region>/<service>` of the credential scope. */
export interface SigV4Scope {
  readonly region: string;
  readonly service: string;
}

/** node:crypto in the shape that the signer takes. */
class Sha256 {
  #state: Hash | Hmac;
  readonly #secret: string | Uint8Array | undefined;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#secret = typeof secret === 'string' ? secret : secret === undefined ? undefined : bytesOf(secret);
    this.#state = this.#fresh();
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#state.update(typeof data === 'string' ? data : bytesOf(data));
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#state.digest());
  }

  reset(): void {
    this.#state = this.#fresh();
  }

  #fresh(): Hash | Hmac {
    return this.#secret === undefined ? createHash('sha256') : createHmac('sha256', this.#secret);
  }
}

function bytesOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

/** Signs a request at `time` (milliseconds since the Unix epoch). Gives every header of it, `authorization` among them. */
export async function signSigV4(
  request: SigV4Request,
  credential: SigV4Credential,
  scope: SigV4Scope,
  time: number,
): Promise<Record<string, string>> {
  const signer = new SignatureV4({ ...scope, credentials: credential, sha256: Sha256, applyChecksum: false });
  const headers = { ...request.headers, host: request.host };
  const signed = await signer.sign(
    {
      method: request.method,
      protocol: 'https:',
      hostname: request.host,
      path: request.path,
      headers,
      body: request.body,
    },
    // Who verifies says which headers count, also those that a signer would leave out by itself.
    { signingDate: new Date(time), signableHeaders: new Set(Object.keys(headers)) },
  );
  return signed.headers;
}

/** What an Authorization header of SigV4 says. */
export interface SigV4Authorization {
  readonly accessKeyId: string;
  /** `yyyymmdd`. */
  readonly date: string;
  readonly scope: SigV4Scope;
  readonly signedHeaders: readonly string[];
  /** 64 hex digits. */
  readonly signature: string;
}

const form =
  /^AWS4-HMAC-SHA256 Credential=([A-Za-z0-9]{1,128})\/(\d{8})\/([a-z0-9-]{1,64})\/([a-z0-9-]{1,64})\/aws4_request, ?SignedHeaders=([a-z0-9;-]{1,1024}), ?Signature=([0-9a-f]{64})$/;

/** Takes an Authorization header apart; `undefined` for any other text. */
export function parseSigV4Authorization(header: string): SigV4Authorization | undefined {
  const [, accessKeyId, date, region, service, names, signature] = form.exec(header) ?? [];
  if (accessKeyId === undefined || date === undefined || region === undefined || service === undefined)
    return undefined;
  if (names === undefined || signature === undefined) return undefined;
  return { accessKeyId, date, scope: { region, service }, signedHeaders: names.split(';'), signature };
}

/** Milliseconds since the Unix epoch of an `x-amz-date` such as `20260102T030405Z`; `undefined` for any other text. */
export function parseAmzDate(text: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second] = match;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time) ? undefined : time;
}
