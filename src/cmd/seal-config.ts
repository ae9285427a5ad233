import { z } from 'zod';
import { ConfigError } from '../lib/config.ts';
import { instanceIdPattern } from './instances-config.ts';

/** What wraps the root key: a key in a file, in the HSM of a Hardware instance, or of the owner behind an External one. */
export type SealConfig =
  | { kind: 'file'; path: string }
  | { kind: 'hsm'; instance: string }
  | { kind: 'xki'; instance: string; externalKeyId: string };

/** Environment variables of the seal: one of the two. */
export const sealVariables = {
  KAAP_SEAL: z.string().optional() as z.ZodType<string | undefined>,
  /** The same as `KAAP_SEAL=file:…`. */
  KAAP_SEAL_FILE: z.string().optional() as z.ZodType<string | undefined>,
};

interface SealSettings {
  KAAP_SEAL?: string | undefined;
  KAAP_SEAL_FILE?: string | undefined;
}

/** Reads the seal from the configuration. Throws ConfigError unless exactly one is named. */
export function readSeal({ KAAP_SEAL: seal, KAAP_SEAL_FILE: path }: SealSettings): SealConfig {
  if (seal !== undefined && path !== undefined) throw new ConfigError('Set KAAP_SEAL or KAAP_SEAL_FILE, not both.');
  if (path !== undefined) return { kind: 'file', path };
  if (seal !== undefined) return parseSeal(seal);
  throw new ConfigError(
    'Set KAAP_SEAL_FILE to the file with the seal key (32 bytes, base64), or KAAP_SEAL to another seal.',
  );
}

/** Parses `file:PATH`, `hsm:INSTANCE` and `xki:INSTANCE/KEY`; without a kind, a path. Throws ConfigError. */
export function parseSeal(text: string): SealConfig {
  const [, kind = 'file', rest = ''] = /^(?:([a-z]+):)?(.*)$/s.exec(text) ?? [];
  const [instance = '', externalKeyId = ''] = rest.split('/', 2);
  const names = instanceIdPattern.test(instance);
  if (kind === 'file' && rest !== '') return { kind, path: rest };
  if (kind === 'hsm' && names && rest === instance) return { kind, instance };
  if (kind === 'xki' && names && externalKeyId !== '' && rest === `${instance}/${externalKeyId}`) {
    return { kind, instance, externalKeyId };
  }
  throw new ConfigError(`"${text}" is not a seal. Write file:PATH, hsm:INSTANCE or xki:INSTANCE/KEY.`);
}

/** As {@link parseSeal} takes it. */
export function formatSeal(seal: SealConfig): string {
  if (seal.kind === 'file') return `file:${seal.path}`;
  return seal.kind === 'hsm' ? `hsm:${seal.instance}` : `xki:${seal.instance}/${seal.externalKeyId}`;
}
