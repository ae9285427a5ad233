import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, FrameError, FrameReader, maxFrameBytes } from '../../src/providers/pkcs11-frames.ts';

const field = fc.uint8Array({ maxLength: 100 }).map((array) => Buffer.from(array));
const frame = fc.record({
  id: fc.nat(0xffffffff),
  code: fc.nat(255),
  deadlineMs: fc.nat(0xffffffff),
  fields: fc.array(field, { maxLength: 6 }),
});

describe('Frames of the hsm process', () => {
  it('come out as they went in, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 40 })), (frames, cuts) => {
        const stream = Buffer.concat(frames.map(encodeFrame));
        const reader = new FrameReader();
        const read = [];
        let at = 0;
        for (const cut of [...cuts, stream.length]) {
          read.push(...reader.push(stream.subarray(at, at + cut)));
          at += cut;
        }
        expect(read).toEqual(frames);
      }),
    );
  });

  it('are refused when they are too long, too short, or a field is longer than its frame', () => {
    const head = (length: number): Buffer => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(length);
      return bytes;
    };
    expect(() => new FrameReader().push(head(maxFrameBytes + 1))).toThrow(FrameError);
    expect(() => new FrameReader().push(head(8))).toThrow(FrameError);
    const whole = encodeFrame({ id: 1, code: 1, deadlineMs: 1, fields: [Buffer.from('abc')] });
    whole.writeUInt32BE(4, 13);
    expect(() => new FrameReader().push(whole)).toThrow(FrameError);
  });
});
