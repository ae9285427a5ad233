import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What OpenSSL makes of a certificate request. */
export interface Issued {
  certificate: string;
  /** The intermediate authority and the root. */
  chain: string;
}

/** An authority of OpenSSL's own, with an intermediate one that signs. */
export class OpensslAuthority {
  readonly #folder = mkdtempSync(join(tmpdir(), 'kaap-authority-'));

  constructor() {
    this.run(
      'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key -out root.crt -days 30 -subj /CN=root',
    );
    this.run('req -newkey rsa:2048 -nodes -keyout sub.key -out sub.csr -subj /O=Example/CN=sub');
    writeFileSync(this.path('ca.ext'), 'basicConstraints=critical,CA:true\n');
    this.run(
      'x509 -req -in sub.csr -CA root.crt -CAkey root.key -out sub.crt -days 20 -extfile ca.ext -CAcreateserial',
    );
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  run(command: string): string {
    const options = { cwd: this.#folder, encoding: 'utf8', stdio: 'pipe' } as const;
    return execFileSync('openssl', command.split(' '), options);
  }

  /** Signs a request with its extensions. Fails unless the request's own signature is right. */
  issue(csr: string, ...options: string[]): Issued {
    writeFileSync(this.path('leaf.csr'), csr);
    this.run('req -in leaf.csr -verify -noout');
    const days = options.length === 0 ? '-days 10' : options.join(' ');
    this.run(
      `x509 -req -in leaf.csr -CA sub.crt -CAkey sub.key -out leaf.crt -copy_extensions copy ${days} -CAcreateserial`,
    );
    return { certificate: this.read('leaf.crt'), chain: this.read('sub.crt') + this.read('root.crt') };
  }

  /** What OpenSSL reads in a request. */
  textOf(csr: string): string {
    writeFileSync(this.path('read.csr'), csr);
    return this.run('req -in read.csr -noout -text -nameopt RFC2253');
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}
