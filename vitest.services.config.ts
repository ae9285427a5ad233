import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** Against real servers and libraries of the distribution: PostgreSQL, SoftHSM2. Installs them where it may. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/services/**/*.test.ts'],
    globalSetup: ['test/services/programs.ts'],
    reporters: process.env['CI'] ? ['default', ['junit', { outputFile: 'reports/services.xml' }]] : ['default'],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});

export default config;
