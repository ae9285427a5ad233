import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** Unmodified SDKs of Alibaba Cloud against a whole KMS in this process, over TLS on loopback. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/interop/**/*.test.ts'],
    reporters: process.env['CI'] ? ['default', ['junit', { outputFile: 'reports/interop.xml' }]] : ['default'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});

export default config;
