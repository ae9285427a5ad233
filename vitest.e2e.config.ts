import { defineConfig, type ViteUserConfig } from 'vitest/config';
import Sequence from './test/e2e/sequence.ts';

/** End-to-end tests on a real node with the chart installed. Run by tools/e2e.ts. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/e2e/**/*.test.ts'],
    reporters: ['verbose', ['junit', { outputFile: 'reports/e2e.xml' }]],
    fileParallelism: false,
    sequence: { sequencer: Sequence },
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});

export default config;
