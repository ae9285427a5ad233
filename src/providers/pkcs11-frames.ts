/**
 * The protocol between `kms` and its `hsm` process, over a Unix socket. A frame is
 *
 * ```
 * length of the rest (u32, big-endian) ‖ request id (u32) ‖ code (u8) ‖ deadline in ms (u32) ‖ fields
 * ```
 *
 * where each field is its length (u32) and its bytes. An answer carries the id of its request, and a status as its code.
 */
export interface Frame {
  id: number;
  /** An operation of {@link hsmOperations}, or a status of {@link hsmStatus}. */
  code: number;
  /** Milliseconds that the caller waits; 0 in answers. */
  deadlineMs: number;
  fields: readonly Buffer[];
}

/** What the process can be asked. */
export const hsmOperations = {
  hello: 1,
  prove: 2,
  ping: 3,
  generate: 4,
  importMaterial: 5,
  encrypt: 6,
  decrypt: 7,
  sign: 8,
  decryptAsymmetric: 9,
  mac: 10,
  destroy: 11,
  namedKey: 12,
} as const;

/** How it answers. */
export const hsmStatus = {
  ok: 0,
  /** Nothing was done, or what was done is of no use: the same call may succeed in a moment. */
  retry: 1,
  /** The ciphertext does not authenticate. */
  invalidCiphertext: 2,
  /** The token cannot do this. */
  unsupported: 3,
  /** The token has no such key. */
  notFound: 4,
} as const;

/** Longest frame taken: the longest plaintext, its associated data and wrapped key leave room. */
export const maxFrameBytes: number = 64 * 1024;
const headBytes = 9;

export function encodeFrame({ id, code, deadlineMs, fields }: Frame): Buffer {
  let length = headBytes;
  for (const field of fields) length += 4 + field.length;
  const frame = Buffer.allocUnsafe(4 + length);
  frame.writeUInt32BE(length, 0);
  frame.writeUInt32BE(id, 4);
  frame.writeUInt8(code, 8);
  frame.writeUInt32BE(deadlineMs, 9);
  let at = 13;
  for (const field of fields) {
    at = frame.writeUInt32BE(field.length, at);
    at += field.copy(frame, at);
  }
  return frame;
}

/** The other side does not speak the protocol. */
export class FrameError extends Error {
  constructor() {
    super('A frame is too long or malformed.');
    this.name = 'FrameError';
  }
}

/** Cuts a stream into frames. Throws {@link FrameError}; the connection is of no use then. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): Frame[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    let at = 0;
    while (bytes.length - at >= 4) {
      const length = bytes.readUInt32BE(at);
      if (length < headBytes || length > maxFrameBytes) throw new FrameError();
      if (bytes.length - at < 4 + length) break;
      frames.push(decode(bytes.subarray(at + 4, at + 4 + length)));
      at += 4 + length;
    }
    // A copy, so that a small rest does not keep a large chunk.
    this.#rest = at === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at));
    return frames;
  }
}

function decode(body: Buffer): Frame {
  const fields: Buffer[] = [];
  let at = headBytes;
  while (at < body.length) {
    if (body.length - at < 4) throw new FrameError();
    const length = body.readUInt32BE(at);
    at += 4;
    if (body.length - at < length) throw new FrameError();
    fields.push(body.subarray(at, at + length));
    at += length;
  }
  return { id: body.readUInt32BE(0), code: body.readUInt8(4), deadlineMs: body.readUInt32BE(5), fields };
}
