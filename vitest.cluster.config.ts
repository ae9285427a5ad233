import { defineConfig } from 'vitest/config';
import type { ViteUserConfig } from 'vitest/config';

/** Tests of the cluster that other tests run on. They need root on Linux and start a cluster of their own. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/cluster/**/*.test.ts'],
    reporters: ['default', ['junit', { outputFile: 'reports/cluster.xml' }]],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 1_800_000,
  },
});

export default config;
