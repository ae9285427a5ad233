import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** Long runs: an hour each, or as long as KAAP_SOAK_SECONDS says. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/soak/**/*.test.ts'],
    reporters: ['default', ['junit', { outputFile: 'reports/soak.xml' }]],
    fileParallelism: false,
    hookTimeout: 1_800_000,
  },
});

export default config;
