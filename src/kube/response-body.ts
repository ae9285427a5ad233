import type { IncomingMessage } from 'node:http';
import { StringDecoder } from 'node:string_decoder';

/** Reads a response to its end. Throws, and closes the connection, when it has more than `maxBytes`. */
export async function readBody(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

export interface LineOptions {
  /** Longest silence between two chunks, in milliseconds. Time in which the reader is busy does not count. */
  idleMs: number;
  /** Longest line. */
  maxBytes: number;
}

/** Yields the lines of a response. Throws on silence, on a line that is too long, and on an end within a line. */
export async function* linesOf(response: IncomingMessage, options: LineOptions): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  // Parts of a line that is not complete yet: joining once keeps large objects linear.
  let parts: string[] = [];
  let pending = 0;
  for await (const chunk of withIdleTimeout(response, options.idleMs)) {
    const pieces = decoder.write(chunk).split('\n');
    const last = pieces.pop() ?? '';
    for (const piece of pieces) {
      const line = parts.join('') + piece;
      parts = [];
      pending = 0;
      if (line.trim() !== '') yield line;
    }
    if (last !== '') parts.push(last);
    pending += last.length;
    if (pending > options.maxBytes) throw new Error(`a line of the answer has more than ${options.maxBytes} bytes`);
  }
  if (pending > 0) throw new Error('the answer ended within a line');
}

async function* withIdleTimeout(response: IncomingMessage, idleMs: number): AsyncGenerator<Buffer> {
  const chunks = (response as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  for (;;) {
    const timer = setTimeout(() => response.destroy(new Error(`nothing was heard for ${idleMs} ms`)), idleMs);
    try {
      const next = await chunks.next();
      if (next.done === true) return;
      clearTimeout(timer);
      yield next.value;
    } finally {
      clearTimeout(timer);
    }
  }
}
