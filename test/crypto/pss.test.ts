import { createHash, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { emsaPssEncode, emsaPssVerify } from '../../src/crypto/pss.ts';

const digest = createHash('sha256').update('message').digest();
const bits = fc.integer({ min: 1024, max: 1100 });

it('EMSA-PSS verifies its own encoding for any length of the modulus, and no other digest', () => {
  fc.assert(
    fc.property(bits, fc.uint8Array({ minLength: 32, maxLength: 32 }), (modulusBits, hash) => {
      const encoded = emsaPssEncode(hash, modulusBits, randomBytes);
      expect(encoded).toHaveLength(Math.ceil((modulusBits - 1) / 8));
      expect(emsaPssVerify(hash, encoded, modulusBits)).toBe(true);
      expect(emsaPssVerify(digest, encoded, modulusBits)).toBe(false);
    }),
  );
});

it('EMSA-PSS takes no encoding with a flipped bit', () => {
  const encoded = emsaPssEncode(digest, 2048, randomBytes);
  for (let bit = 0; bit < encoded.length * 8; bit += 1) {
    const changed = Buffer.from(encoded);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(emsaPssVerify(digest, changed, 2048), `bit ${bit}`).toBe(false);
  }
});
