import type { ServerResponse } from 'node:http';

/** Tells that the caller went away before his answer. Most calls are over too soon to ask. */
export class Departure {
  readonly #response: ServerResponse;
  #controller: AbortController | undefined;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  get signal(): AbortSignal {
    return (this.#controller ??= this.#watch()).signal;
  }

  #watch(): AbortController {
    const controller = new AbortController();
    const response = this.#response;
    const left = (): void => {
      if (!response.writableFinished) controller.abort();
    };
    if (response.destroyed) left();
    else response.once('close', left);
    return controller;
  }
}
