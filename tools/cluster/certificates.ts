// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Paths of a PEM certificate and its PEM private key. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate says. `organization` is the Kubernetes group, `commonName` the user. */
export interface CertificateSubject {
  readonly commonName: string;
  readonly organization?: string;
  /** Subject alternative names as OpenSSL writes them, for example `DNS:localhost` or `IP:127.0.0.1`. */
  readonly names?: readonly string[];
}

/** A certificate authority in a folder, which issues P-256 certificates for a year. Issued ones are kept and reused. */
export class CertificateAuthority {
  readonly folder: string;
  readonly ca: KeyPair;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.folder = folder;
    this.ca = this.#paths('ca');
    if (existsSync(this.ca.cert)) return;
    this.#request(this.ca, '/CN=cluster-ca', [
      'basicConstraints=critical,CA:TRUE',
      'keyUsage=critical,keyCertSign,cRLSign',
    ]);
  }

  /** The key pair `name`, made when it is missing. */
  issue(name: string, subject: CertificateSubject): KeyPair {
    const pair = this.#paths(name);
    if (existsSync(pair.cert)) return pair;
    const extensions = ['basicConstraints=CA:FALSE', 'extendedKeyUsage=serverAuth,clientAuth'];
    if (subject.names) extensions.push(`subjectAltName=${subject.names.join(',')}`);
    const organization = subject.organization ? `/O=${subject.organization}` : '';
    this.#request(pair, `${organization}/CN=${subject.commonName}`, extensions, this.ca);
    return pair;
  }

  /** The RSA key pair that signs service-account tokens; `cert` holds the bare public key. */
  serviceAccountKeys(): KeyPair {
    const pair: KeyPair = {
      cert: join(this.folder, 'service-account.pub'),
      key: join(this.folder, 'service-account.key'),
    };
    if (existsSync(pair.cert)) return pair;
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    writeFileSync(pair.key, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    writeFileSync(pair.cert, publicKey.export({ type: 'spki', format: 'pem' }));
    return pair;
  }

  #paths(name: string): KeyPair {
    return { cert: join(this.folder, `${name}.crt`), key: join(this.folder, `${name}.key`) };
  }

  #request(pair: KeyPair, subject: string, extensions: readonly string[], issuer?: KeyPair): void {
    const signer = issuer ? ['-CA', issuer.cert, '-CAkey', issuer.key] : [];
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', pair.key];
    const extras = extensions.flatMap((extension) => ['-addext', extension]);
    // OpenSSL's own configuration would add extensions of its choice, basicConstraints a second time among them.
    const config = join(this.folder, 'openssl.cnf');
    if (!existsSync(config)) writeFileSync(config, '[req]\ndistinguished_name = subject\n[subject]\n');
    const args = ['req', '-x509', '-config', config, '-days', '365', '-subj', subject, ...key, '-out', pair.cert];
    execFileSync('openssl', [...args, ...signer, ...extras], { stdio: ['ignore', 'ignore', 'pipe'] });
  }
}
