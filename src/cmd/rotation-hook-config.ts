import { z } from 'zod';
import { ConfigError, readSettingFile } from '../lib/config.ts';

/** Where the rotation hook is, whom it is believed, and the key that signs requests to it. */
export interface RotationHookConfig {
  readonly url: URL;
  readonly ca: string;
  readonly key: Buffer;
}

/** What the variables say. */
export interface RotationHookSettings {
  readonly KAAP_ROTATION_HOOK_URL?: string | undefined;
  readonly KAAP_ROTATION_HOOK_CA_FILE?: string | undefined;
  readonly KAAP_ROTATION_HOOK_KEY_FILE?: string | undefined;
}

/** Variables of the rotation hook: all three or none. */
export const rotationHookVariables: Record<keyof RotationHookSettings, z.ZodType<string | undefined>> = {
  KAAP_ROTATION_HOOK_URL: z.url({ protocol: /^https$/, error: 'write an https URL' }).optional(),
  KAAP_ROTATION_HOOK_CA_FILE: z.string().optional(),
  KAAP_ROTATION_HOOK_KEY_FILE: z.string().optional(),
};

/** Reads the hook's configuration with its files. Throws ConfigError when only a part is given, or the key is short. */
export function readRotationHook(given: RotationHookSettings): RotationHookConfig | undefined {
  const { KAAP_ROTATION_HOOK_URL: url, KAAP_ROTATION_HOOK_CA_FILE: ca, KAAP_ROTATION_HOOK_KEY_FILE: keyFile } = given;
  if (url === undefined && ca === undefined && keyFile === undefined) return undefined;
  if (url === undefined || ca === undefined || keyFile === undefined) {
    throw new ConfigError(
      'Set KAAP_ROTATION_HOOK_URL, KAAP_ROTATION_HOOK_CA_FILE and KAAP_ROTATION_HOOK_KEY_FILE, or none of them.',
    );
  }
  const key = Buffer.from(readSettingFile('KAAP_ROTATION_HOOK_KEY_FILE', keyFile), 'base64');
  if (key.length < 32)
    throw new ConfigError('KAAP_ROTATION_HOOK_KEY_FILE must hold at least 32 random bytes in base64.');
  return { url: new URL(url), ca: readSettingFile('KAAP_ROTATION_HOOK_CA_FILE', ca), key };
}
