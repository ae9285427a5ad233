import { availableParallelism } from 'node:os';
import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** Unit and component tests: no root, no cluster, no network beyond loopback. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['cluster', 'chart', 'e2e', 'interop', 'services', 'soak'].map((suite) => `test/${suite}/**`),
    reporters: process.env['CI'] ? ['default', ['junit', { outputFile: 'reports/unit.xml' }]] : ['default'],
    // On two cores too, where one is the default: most of a test's time is waiting.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});

export default config;
