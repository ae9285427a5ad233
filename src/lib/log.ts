import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';

/** Structured JSON logger. Fields first, then a constant message: `log.info({ keyId }, 'key created')`. */
export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'> & {
  child(bindings: Record<string, unknown>): Logger;
};

/** Field names that never reach a log line, at any of the first three levels of depth. */
const secretFields = [
  'password',
  'plaintext',
  'Plaintext',
  'secret',
  'secretData',
  'SecretData',
  'accessKeySecret',
  'AccessKeySecret',
  'securityToken',
  'SecurityToken',
  'token',
  'OIDCToken',
  'authorization',
  'privateKey',
  'PrivateKeyData',
  'pin',
];

const redactPaths = secretFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);

export interface LogOptions {
  /** Name of the process, such as `kms`. */
  name: string;
  /** One of trace, debug, info, warn, error, fatal, silent. */
  level?: string;
  /** Where lines go; standard error unless given, so that standard output stays a command's answer. */
  destination?: DestinationStream;
}

/** Makes the root logger of a process. Values of known secret fields are replaced by `[redacted]`. */
export function createLogger(options: LogOptions): Logger {
  return pino(
    {
      name: options.name,
      level: options.level ?? 'info',
      redact: { paths: redactPaths, censor: '[redacted]' },
      timestamp: pino.stdTimeFunctions.isoTime,
      base: { name: options.name },
    },
    options.destination ?? pino.destination({ dest: 2, sync: true }),
  );
}

/** Writes nothing. */
export const silentLogger: Logger = pino({ level: 'silent' });
