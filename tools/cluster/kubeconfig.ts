// SPDX-License-Identifier: Apache-2.0
import { readFileSync, writeFileSync } from 'node:fs';
import type { KeyPair } from './certificates.ts';

/** Writes a kubeconfig (as JSON, which is YAML) that signs in with a client certificate, and returns its path. */
export function writeKubeconfig(path: string, server: string, caPath: string, client: KeyPair): string {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'kaap',
    clusters: [{ name: 'kaap', cluster: { server, 'certificate-authority-data': base64(caPath) } }],
    users: [
      {
        name: 'kaap',
        user: { 'client-certificate-data': base64(client.cert), 'client-key-data': base64(client.key) },
      },
    ],
    contexts: [{ name: 'kaap', context: { cluster: 'kaap', user: 'kaap' } }],
  };
  writeFileSync(path, JSON.stringify(config, null, 2), { mode: 0o600 });
  return path;
}

function base64(file: string): string {
  return readFileSync(file).toString('base64');
}
