import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';

/** A key pair as OpenSSH takes it. */
export interface SshKeyPair {
  /** `ssh-rsa AAAA…`, as authorized_keys has it. */
  publicKey: string;
  /** PKCS #1 in PEM. */
  privateKey: string;
}

const generate = promisify(generateKeyPair);

/** Makes an RSA key pair of 2048 bits for SSH (RFC 4253 §6.6). */
export async function generateSshKeyPair(): Promise<SshKeyPair> {
  const { publicKey, privateKey } = await generate('rsa', { modulusLength: 2048 });
  const { e = '', n = '' } = publicKey.export({ format: 'jwk' });
  const blob = Buffer.concat([sshString(Buffer.from('ssh-rsa')), sshInteger(e), sshInteger(n)]);
  return {
    publicKey: `ssh-rsa ${blob.toString('base64')}`,
    privateKey: privateKey.export({ type: 'pkcs1', format: 'pem' }),
  };
}

/** RFC 4251 §5, string: its length in four bytes, then its bytes. */
function sshString(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** RFC 4251 §5, mpint: a zero in front of a first bit that is set. */
function sshInteger(base64url: string): Buffer {
  const bytes = Buffer.from(base64url, 'base64url');
  return sshString((bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes);
}
