import type { Command } from 'commander';
import { ConfigError } from '../../lib/config.ts';
import { withClient } from '../connection.ts';
import { standardOutput } from '../output.ts';

type Product = 'Kms' | 'Sts' | 'Ram';

/** `kaap call ACTION Name=Value …`: any action of the API, signed, with its answer as JSON. */
export function registerCall(program: Command): void {
  program
    .command('call')
    .description('call any action of the API and print its answer')
    .argument('<action>', 'such as DescribeKey')
    .argument('[parameters...]', 'such as KeyId=alias/shop/shop')
    .option('--product <product>', 'Kms, Sts, Ram or Ims', 'Kms')
    .action(async (action: string, parameters: string[], options: { product: string }) => {
      const given = parseParameters(parameters);
      const answer = await withClient((client) => client.call(options.product as Product, action, given));
      standardOutput.line(JSON.stringify(answer, null, 2));
    });
}

/** `Name=Value` words as an object. Throws ConfigError for a word without `=` and for a name given twice. */
export function parseParameters(words: readonly string[]): Record<string, string> {
  const parameters = new Map<string, string>();
  for (const word of words) {
    const at = word.indexOf('=');
    if (at <= 0) throw new ConfigError(`"${word}" is not a parameter. Write Name=Value.`);
    const name = word.slice(0, at);
    if (parameters.has(name)) throw new ConfigError(`The parameter ${name} is given twice.`);
    parameters.set(name, word.slice(at + 1));
  }
  return Object.fromEntries(parameters);
}
