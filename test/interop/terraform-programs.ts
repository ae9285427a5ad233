import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { interopCache } from './sdk-program.ts';

const execute = promisify(execFile);

/** What is compiled: the module, its command, and the binary's name, which OpenTofu expects of a provider. */
const programs = [
  { module: 'github.com/opentofu/opentofu@v1.12.6', command: './cmd/tofu', binary: 'tofu' },
  {
    module: 'github.com/aliyun/terraform-provider-alicloud@v1.240.0',
    command: '.',
    binary: 'terraform-provider-alicloud',
  },
] as const;

/** The folder of the binaries, which is what OpenTofu's `dev_overrides` names. */
export const terraformFolder: string = interopCache('terraform');

/** Whether they are to be used: the provider alone compiles for minutes, so whoever wants them says so once. */
export function terraformIsWanted(): boolean {
  const areThere = programs.every(({ binary }) => existsSync(join(terraformFolder, binary)));
  return areThere || process.env['KAAP_INTEROP_TERRAFORM'] === '1';
}

/** Compiles what is missing, from the module proxy; the modules' own go.sum pins what they need. */
export async function buildTerraform(): Promise<void> {
  for (const { module, command, binary } of programs) {
    const output = join(terraformFolder, binary);
    if (existsSync(output)) continue;
    const { stdout } = await execute('go', ['mod', 'download', '-json', module]);
    const { Dir: cwd } = JSON.parse(stdout) as { Dir: string };
    await execute('go', ['build', '-mod=mod', '-trimpath', '-ldflags=-s -w', '-o', output, command], { cwd });
  }
}

/** `tofu` in a folder of its own, with the provider compiled here. */
export function tofuIn(
  folder: string,
  variables: Readonly<Record<string, string>>,
): (...args: string[]) => Promise<string> {
  const { PATH = '', HOME = '' } = process.env;
  const env = { PATH, HOME, TF_IN_AUTOMATION: '1', CHECKPOINT_DISABLE: '1', ...variables };
  return async (...args: string[]): Promise<string> => {
    const { stdout } = await execute(join(terraformFolder, 'tofu'), args, { cwd: folder, env, maxBuffer: 1 << 24 });
    return stdout;
  };
}
