import { styleText } from 'node:util';
import type { Output } from '../../cli/output.ts';

/** Tells a story step by step. Colours only where the output is a terminal. */
export class Narrator {
  readonly #output: Output;
  readonly #colours: boolean;
  #step = 0;

  constructor(output: Output, colours: boolean) {
    this.#output = output;
    this.#colours = colours;
  }

  /** Begins a step. */
  step(title: string): void {
    this.#step += 1;
    this.#output.line('');
    this.#output.line(this.#paint('bold', `${this.#step}. ${title}`));
  }

  /** Lines of what a step shows. */
  show(lines: readonly string[]): void {
    for (const line of lines) this.#output.line(`   ${this.#colour(line)}`);
  }

  /** One line that matters. */
  say(text: string): void {
    this.#output.line(`   ${text}`);
  }

  #colour(line: string): string {
    if (line.startsWith('+ ')) return this.#paint('green', line);
    if (line.startsWith('- ')) return this.#paint('red', line);
    return line;
  }

  #paint(style: 'bold' | 'green' | 'red', text: string): string {
    return this.#colours ? styleText(style, text, { validateStream: false }) : text;
  }
}
