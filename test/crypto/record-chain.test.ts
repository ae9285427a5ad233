import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chainLine,
  emptyChain,
  parseChainLine,
  signCheckpoint,
  verifyCheckpoint,
} from '../../src/crypto/record-chain.ts';

describe('a chain of records', () => {
  it('can be checked with nothing but SHA-256 and the bytes of the line', () => {
    const { line } = chainLine({ seq: 4, hash: 'ab'.repeat(32) }, '"name":"Zoë"');
    const [canonical = ''] = line.split(',"prevHash"');
    const hash = createHash('sha256')
      .update(`${'ab'.repeat(32)}{"seq":5,"name":"Zoë"`)
      .digest('hex');
    expect(canonical).toBe('{"seq":5,"name":"Zoë"');
    expect(line).toBe(`${canonical},"prevHash":"${'ab'.repeat(32)}","hash":"${hash}"}\n`);
  });

  it('gives lines of JSON that take apart into what was put in', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const { line, head } = chainLine(emptyChain, `"text":${JSON.stringify(text)}`);
        expect(JSON.parse(line)).toMatchObject({ seq: 1, text, hash: head.hash });
        const parsed = parseChainLine(Buffer.from(line));
        expect(parsed).toEqual({ seq: 1, prevHash: emptyChain.hash, hash: head.hash, intact: true });
      }),
    );
  });

  it('H1: no line is intact after a change of one byte', () => {
    const { line } = chainLine(emptyChain, '"text":"a record with ü and \\n"');
    const good = Buffer.from(line);
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (index, mask) => {
        const bad = Buffer.from(good);
        bad.writeUInt8(bad.readUInt8(index) ^ mask, index);
        expect(parseChainLine(bad)?.intact ?? false).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('does not take apart what is not a line of a chain', () => {
    for (const text of ['', '\n', '{}\n', `{"seq":0,${'x'.repeat(200)}\n`]) {
      expect(parseChainLine(Buffer.from(text))).toBeUndefined();
    }
  });
});

describe('a checkpoint', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const head = { seq: 12, hash: 'cd'.repeat(32) };

  it('is verified by the public key alone', () => {
    const checkpoint = signCheckpoint(privateKey, head);
    expect(verifyCheckpoint(publicKey, checkpoint)).toBe(true);
    expect(verifyCheckpoint(createPublicKey(privateKey), checkpoint)).toBe(true);
  });

  it('does not verify for another head, another key, or a signature that is none', () => {
    const checkpoint = signCheckpoint(privateKey, head);
    expect(verifyCheckpoint(publicKey, { ...checkpoint, seq: 13 })).toBe(false);
    expect(verifyCheckpoint(publicKey, { ...checkpoint, hash: 'ce'.repeat(32) })).toBe(false);
    expect(verifyCheckpoint(publicKey, { ...checkpoint, signature: '' })).toBe(false);
    expect(verifyCheckpoint(generateKeyPairSync('ed25519').publicKey, checkpoint)).toBe(false);
  });
});
