import { getCACertificates, setDefaultCACertificates } from 'node:tls';

/** Makes every TLS client of this process trust an authority: the older SDKs have no option for one. */
export function trust(caPem: string): void {
  setDefaultCACertificates([...getCACertificates('default'), caPem]);
}
