/**
 * An AbortSignal that fires on the first SIGTERM or SIGINT. A second signal ends the process at once with status 130,
 * so that a hanging shutdown can be cut short from the keyboard.
 */
export function shutdownSignal(): AbortSignal {
  const controller = new AbortController();
  let asked = false;
  const onSignal = (name: NodeJS.Signals): void => {
    if (asked) process.exit(130);
    asked = true;
    controller.abort(new Error(`received ${name}`));
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return controller.signal;
}

/** Resolves when `signal` fires; at once when it has fired already. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
