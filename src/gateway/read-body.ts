import type { IncomingMessage } from 'node:http';
import { ApiError } from '../lib/errors.ts';

const empty = Buffer.alloc(0);

function tooLarge(maxBytes: number): ApiError {
  return new ApiError('RequestBodyTooLarge', `The request body is longer than ${maxBytes} bytes.`);
}

/**
 * Reads a request's body. A body that is too long is refused at its announced length, or at the byte that exceeds the
 * limit; the rest is not read. How long a body may take is the server's `requestTimeout`.
 *
 * @throws ApiError `RequestBodyTooLarge`, or `ParseRequestParameterException` when the client stops half-way.
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> | Buffer {
  const announced = request.headers['content-length'];
  const chunked = request.headers['transfer-encoding'] !== undefined;
  if (!chunked && (announced === undefined || announced === '0')) return empty;
  if (Number(announced ?? 0) > maxBytes) throw tooLarge(maxBytes);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const stop = (error: ApiError): void => {
      request.off('data', onData);
      request.off('close', broken);
      request.pause();
      reject(error);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) stop(tooLarge(maxBytes));
      else chunks.push(chunk);
    };
    const broken = (): void => stop(new ApiError('ParseRequestParameterException', 'The request body is incomplete.'));
    request.on('data', onData);
    request.once('end', () => {
      // Every request closes in the end: what came whole is not broken by that.
      request.off('close', broken);
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
    });
    request.once('error', broken);
    request.once('close', broken);
  });
}
