import { ConfigError } from '../lib/config.ts';
import { withSourcePlaces } from '../lib/source-places.ts';
import { failureText } from './failure-text.ts';

/**
 * Runs a process's main function. A failure is told on standard error and gives status 1; a setting that is missing or
 * malformed is status 2, so that a supervisor can tell it from a crash.
 */
export function exitOnFailure(main: () => Promise<void>): void {
  main().then(
    () => process.exit(process.exitCode ?? 0),
    (error: unknown) => {
      process.stderr.write(`${failureText(error)}\n`);
      if (process.env['KAAP_LOG_LEVEL'] === 'debug' && error instanceof Error) {
        process.stderr.write(`${withSourcePlaces(error.stack ?? '')}\n`);
      }
      process.exit(error instanceof ConfigError ? 2 : 1);
    },
  );
}
