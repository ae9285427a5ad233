import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** Unit and component tests: no root, no cluster, no network beyond loopback. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/interop/**', 'test/cluster/**', 'test/e2e/**', 'test/soak/**', 'test/chart/**'],
    reporters: process.env['CI'] ? ['default', ['junit', { outputFile: 'reports/unit.xml' }]] : ['default'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});

export default config;
