import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { uuidV4 } from '../../src/crypto/uuid.ts';

describe('uuidV4', () => {
  it('sets the version and the variant (RFC 9562 §5.4) and keeps all other bits', () => {
    expect(uuidV4(() => Buffer.alloc(16, 0xff))).toBe('ffffffff-ffff-4fff-bfff-ffffffffffff');
    expect(uuidV4(() => Buffer.alloc(16))).toBe('00000000-0000-4000-8000-000000000000');
  });

  it('has 36 characters and does not repeat', () => {
    const ids = new Set(Array.from({ length: 1000 }, () => uuidV4(randomBytes)));
    expect(ids.size).toBe(1000);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
