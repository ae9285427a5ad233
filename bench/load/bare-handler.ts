import { createCipheriv, createSecretKey, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** What any KMS has to do at least: read the body, AES-256-GCM with a fresh IV, answer in JSON. The baseline. */
export function bareHandler(): (request: IncomingMessage, response: ServerResponse) => void {
  const key = createSecretKey(randomBytes(32));
  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const plaintext = new URLSearchParams(Buffer.concat(chunks).toString()).get('Plaintext') ?? '';
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, iv);
      const sealed = Buffer.concat([iv, cipher.update(plaintext, 'base64'), cipher.final(), cipher.getAuthTag()]);
      const body = JSON.stringify({ CiphertextBlob: sealed.toString('base64') });
      response.setHeader('content-type', 'application/json');
      response.setHeader('content-length', Buffer.byteLength(body));
      response.end(body);
    });
  };
}
