import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** The chart and the custom resources on a real API server: Helm, kubectl and a control plane without nodes. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/chart/**/*.test.ts'],
    globalSetup: ['test/chart/control-plane.ts'],
    reporters: ['default', ['junit', { outputFile: 'reports/chart.xml' }]],
    // The files share one API server.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});

export default config;
