import { readFileSync } from 'node:fs';
import type { z } from 'zod';

/** A setting that is missing or malformed. The message names the variable and what it must hold. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}

/**
 * Reads a process's configuration from environment variables. The schema's keys are the variables' names; an empty
 * variable counts as absent. Every fault is reported at once, by name, without the value.
 */
export function readConfig<T>(schema: z.ZodType<T>, environment: NodeJS.ProcessEnv): T {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new ConfigError(`The configuration is not usable. Set these environment variables:\n  ${faults.join('\n  ')}`);
}

/** The trimmed text of a file named by a setting. */
export function readSettingFile(setting: string, path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new ConfigError(`${setting} names the file ${path}, which cannot be read (${code}).`);
  }
}

export interface ListenAddress {
  host: string;
  port: number;
}

/** Parses `:8443`, `127.0.0.1:8443` or `[::1]:8443`. Without a host, all addresses. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) {
    throw new ConfigError(`"${text}" is not a listen address. Write ":8443", "127.0.0.1:8443" or "[::1]:8443".`);
  }
  const host = match[1] ?? match[2] ?? '';
  return { host: host === '' ? '::' : host, port };
}
