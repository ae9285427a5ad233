import { createPublicKey, hash as digest, sign, verify, type KeyObject } from 'node:crypto';

/**
 * A chain of records, one text line each: every line ends with the hash of the line before it and its own.
 *
 * A line is `{` members `,"prevHash":"<64 hex>","hash":"<64 hex>"}` LF. Its canonical bytes are those before
 * `,"prevHash"`, exactly as they stand in the file, so no verifier has to agree with us on how JSON is written:
 * hash = SHA-256(prevHash as 64 lower-case hexadecimal digits ‖ canonical bytes).
 */
export interface ChainHead {
  /** Number of the record: 1, 2, 3 … without a gap. 0 is the empty chain. */
  seq: number;
  /** SHA-256 of that record, 64 lower-case hexadecimal digits. */
  hash: string;
}

/** What the first record of a chain is chained to. */
export const emptyChain: ChainHead = { seq: 0, hash: '0'.repeat(64) };

/** Hash of the record with those canonical bytes after the one with `prevHash`. */
export function chainHash(prevHash: string, canonical: string): string {
  return digest('sha256', prevHash + canonical, 'hex');
}

/**
 * Writes the line after `head`. `members` are JSON members without braces, such as `"kind":"event","n":1`; they must
 * not hold a line feed (JSON.stringify gives none). The line begins with the member `seq`.
 */
export function chainLine(head: ChainHead, members: string): { line: string; head: ChainHead } {
  const seq = head.seq + 1;
  const canonical = `{"seq":${seq},${members}`;
  const hash = chainHash(head.hash, canonical);
  return { line: `${canonical},"prevHash":"${head.hash}","hash":"${hash}"}\n`, head: { seq, hash } };
}

/** A line taken apart. `intact` says whether its hash is that of its bytes; nothing is said about its neighbours. */
export interface ChainedLine {
  seq: number;
  prevHash: string;
  hash: string;
  intact: boolean;
}

const tailBytes = ',"prevHash":"","hash":""}\n'.length + 128;
const tailPattern = /^,"prevHash":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"\}\n$/;
const headPattern = /^\{"seq":([1-9][0-9]{0,15}),/;

/** Takes a line with its line feed apart; undefined when it does not have the form of one. */
export function parseChainLine(line: Uint8Array): ChainedLine | undefined {
  const bytes = Buffer.from(line.buffer, line.byteOffset, line.byteLength);
  const end = bytes.length - tailBytes;
  if (end <= 0) return undefined;
  const tail = tailPattern.exec(bytes.toString('latin1', end));
  const head = headPattern.exec(bytes.toString('latin1', 0, Math.min(32, end)));
  if (tail?.[1] === undefined || tail[2] === undefined || head?.[1] === undefined) return undefined;
  const [, prevHash, hash] = tail;
  const canonical = bytes.subarray(0, end);
  const intact = digest('sha256', Buffer.concat([Buffer.from(prevHash, 'latin1'), canonical]), 'hex') === hash;
  return { seq: Number(head[1]), prevHash, hash, intact };
}

/** Says that the chain had this head: signed by whoever held the checkpoint key at that time. */
export interface Checkpoint extends ChainHead {
  /** Ed25519 over {@link checkpointMessage}, base64. */
  signature: string;
}

/** Reads a checkpoint from JSON text; undefined when it is none. Says nothing about its signature. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  let value: Partial<Record<keyof Checkpoint, unknown>> | null;
  try {
    value = JSON.parse(text) as Partial<Record<keyof Checkpoint, unknown>> | null;
  } catch {
    return undefined;
  }
  const { seq, hash, signature } = value ?? {};
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 1) return undefined;
  if (typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash)) return undefined;
  if (typeof signature !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(signature)) return undefined;
  return { seq, hash, signature };
}

/** The bytes that a checkpoint signs. */
export function checkpointMessage(head: ChainHead): Buffer {
  return Buffer.from(`kaap audit checkpoint v1\n${head.seq}\n${head.hash}\n`, 'latin1');
}

/** Signs a head with an Ed25519 private key. */
export function signCheckpoint(key: KeyObject, head: ChainHead): Checkpoint {
  const signature = sign(null, checkpointMessage(head), key).toString('base64');
  return { seq: head.seq, hash: head.hash, signature };
}

/** Whether the holder of the Ed25519 key signed it. Takes the public or the private key. */
export function verifyCheckpoint(key: KeyObject, checkpoint: Checkpoint): boolean {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  const signature = Buffer.from(checkpoint.signature, 'base64');
  return signature.length === 64 && verify(null, checkpointMessage(checkpoint), publicKey, signature);
}
