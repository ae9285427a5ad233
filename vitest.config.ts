import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** Unit and component tests: no root, no cluster, no network beyond loopback. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['cluster', 'chart', 'e2e', 'interop', 'services', 'soak'].map((suite) => `test/${suite}/**`),
    reporters: process.env['CI'] ? ['default', ['junit', { outputFile: 'reports/unit.xml' }]] : ['default'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});

export default config;
