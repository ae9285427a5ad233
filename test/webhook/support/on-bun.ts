/** Set-up of `npm run agent`: on another runtime, what it shows would be no more than what `npm test` does. */
if (process.versions['bun'] === undefined) throw new Error('These tests are for Bun: run npm run agent.');
