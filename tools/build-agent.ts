// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import { bundleAgent } from './bundle.ts';

const bytes = bundleAgent(resolve(import.meta.dirname, '..'));
process.stdout.write(`dist/agent.cjs ${(bytes / 1024).toFixed(0)} KiB\n`);
