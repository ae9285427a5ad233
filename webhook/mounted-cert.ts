import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterApi } from '../src/kube/cluster-api.ts';
import type { Sleep } from '../src/kube/sleep.ts';
import type { ServingCertificate } from '../src/lib/http-server.ts';
import type { Logger } from '../src/lib/log.ts';
import { checkAgainAndAgain } from './repeated-check.ts';
import { webhookConfigurationResource } from './serving-cert.ts';

export interface MountedCertOptions {
  api: Pick<ClusterApi, 'get'>;
  /** Folder with `tls.crt` and `tls.key`: a Secret of type kubernetes.io/tls that somebody else keeps, mounted. */
  folder: string;
  /** Name of the MutatingWebhookConfiguration that is ours. */
  configurationName: string;
  sleep: Sleep;
  log: Logger;
  /** Takes a new serving certificate into use. */
  onCertificate: (certificate: ServingCertificate) => void;
}

/**
 * The certificate of the webhook where somebody else, such as cert-manager, makes and renews it and tells API servers whom to
 * trust. It is read from files, again and again; nothing is written.
 */
export class MountedCert {
  readonly #options: MountedCertOptions;
  #inUse: ServingCertificate | undefined;
  #trusted = false;

  constructor(options: MountedCertOptions) {
    this.#options = options;
  }

  /** Whether API servers were told, at the last look, to trust what is served. */
  get isTrusted(): boolean {
    return this.#trusted;
  }

  /** Looks until the signal fires. Faults are logged and tried again: the last certificate serves on. */
  run(signal: AbortSignal): Promise<void> {
    return checkAgainAndAgain((during) => this.check(during), this.#options, signal);
  }

  /** One look: takes a new pair into use, and finds out whether it is trusted. */
  async check(signal: AbortSignal): Promise<void> {
    const { folder, onCertificate, log } = this.#options;
    const certPem = await readFile(join(folder, 'tls.crt'), 'utf8');
    const keyPem = await readFile(join(folder, 'tls.key'), 'utf8');
    if (certPem !== this.#inUse?.certPem || keyPem !== this.#inUse.keyPem) {
      // The kubelet changes the files of a volume together, but not between two reads of ours.
      if (!new X509Certificate(certPem).checkPrivateKey(createPrivateKey(keyPem))) {
        throw new Error('tls.key is not the key of tls.crt');
      }
      this.#inUse = { certPem, keyPem };
      onCertificate(this.#inUse);
      log.info({}, 'serving certificate in use');
    }
    this.#trusted = await this.#isTrusted(certPem, signal);
  }

  async #isTrusted(certPem: string, signal: AbortSignal): Promise<boolean> {
    const { api, configurationName: name } = this.#options;
    const configuration = await api.get(webhookConfigurationResource, { name }, { signal });
    const webhooks = configuration?.webhooks ?? [];
    return webhooks.length > 0 && webhooks.every(({ clientConfig }) => vouches(clientConfig.caBundle ?? '', certPem));
  }
}

/** Whether an authority of the bundle, or one that it signed in `chain`, has signed what comes first in `chain`. */
function vouches(caBundle: string, chain: string): boolean {
  const authorities = certificatesIn(Buffer.from(caBundle, 'base64').toString('utf8'));
  const [leaf, ...between] = certificatesIn(chain);
  const isSignedBy = (certificate: X509Certificate | undefined, others: readonly X509Certificate[]): boolean =>
    others.some((other) => certificate?.verify(other.publicKey) === true);
  return isSignedBy(leaf, authorities) || (isSignedBy(leaf, between) && isSignedBy(between.at(-1), authorities));
}

function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}
