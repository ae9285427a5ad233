import { Command } from 'commander';
import { registerXki } from '../../src/cli/commands/xki.ts';

/** Runs `kaap xki …` in this process: what it does, without what a process costs on a busy machine. */
export async function runKaapXki(...args: string[]): Promise<void> {
  const program = new Command('kaap').exitOverride();
  registerXki(program);
  await program.parseAsync(['node', 'kaap', 'xki', ...args]);
}
