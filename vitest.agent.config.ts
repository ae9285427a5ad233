import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** What the agent is made of, on the runtime that it has in pods: `npm run agent`. `npm test` runs the same on Node. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: [
      'test/webhook/agent/**/*.test.ts',
      'test/client/**/*.test.ts',
      'test/api/file-template.test.ts',
      'test/crypto/{client-key,der,pkcs12-kdf}.test.ts',
      'test/cmd/agent.test.ts',
    ],
    reporters: process.env['CI'] ? ['default', ['junit', { outputFile: 'reports/agent.xml' }]] : ['default'],
    setupFiles: ['test/webhook/support/on-bun.ts'],
    // As an external module, what Bun gives for it has no export `z`.
    server: { deps: { inline: ['zod'] } },
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});

export default config;
