// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { compileAgent } from './runtime.ts';

const { size } = statSync(compileAgent(resolve(import.meta.dirname, '../..')));
process.stdout.write(`dist/kaap-agent ${(size / 1024 / 1024).toFixed(0)} MiB\n`);
