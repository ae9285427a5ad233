import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { ApiError } from '../lib/errors.ts';
import { readBody } from './read-body.ts';

/** A request as it came, before any protocol has looked at it. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  /** What follows `?`, still encoded. */
  readonly query: string;
  /** By lower-case name; each of the headers that mean something here came once. */
  readonly headers: WireHeaders;
  readonly body: Buffer;
  readonly sourceIp: string;
  readonly secureTransport: boolean;
}

export type WireHeaders = Readonly<Record<string, string>>;

/** Headers that, given twice, could be read as two different requests. */
const singular =
  /^(?:x-acs-.*|x-kms-.*|host|authorization|date|content-type|content-length|content-sha256|content-encoding)$/;

/** Names of headers as clients spell them → in lower case. There are a few dozen. */
const foldedNames = new Map<string, string>();
const maxFoldedNames = 256;

function foldName(spelling: string): string {
  const known = foldedNames.get(spelling);
  if (known !== undefined) return known;
  const folded = spelling.toLowerCase();
  if (foldedNames.size < maxFoldedNames) foldedNames.set(spelling, folded);
  return folded;
}

function singleHeaders(rawHeaders: readonly string[]): WireHeaders {
  const headers = Object.create(null) as Record<string, string>;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = foldName(rawHeaders[at] ?? '');
    const value = (rawHeaders[at + 1] ?? '').trim();
    const present = headers[name];
    if (present !== undefined && singular.test(name)) {
      throw new ApiError('ParseRequestParameterException', `The header ${name.slice(0, 64)} is given twice.`);
    }
    headers[name] = present === undefined ? value : `${present},${value}`;
  }
  return headers;
}

/** The path and the query of a request target. */
export function splitTarget(target: string): { path: string; query: string } {
  const mark = target.indexOf('?');
  return mark < 0 ? { path: target, query: '' } : { path: target.slice(0, mark), query: target.slice(mark + 1) };
}

/**
 * Takes a request in.
 *
 * @throws ApiError `ParseRequestParameterException`, `RequestBodyTooLarge`.
 */
export async function readWireRequest(
  request: IncomingMessage,
  sourceIp: string,
  maxBodyBytes: number,
): Promise<WireRequest> {
  const headers = singleHeaders(request.rawHeaders);
  return {
    method: request.method ?? '',
    ...splitTarget(request.url ?? ''),
    headers,
    body: await readBody(request, maxBodyBytes),
    sourceIp,
    secureTransport: (request.socket as Partial<TLSSocket>).encrypted === true,
  };
}
