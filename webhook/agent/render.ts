import { isUtf8 } from 'node:buffer';
import { compile, TreeInterpreter } from '@jmespath-community/jmespath';
import { SecretBytes } from '../../src/lib/secret-bytes.ts';
import { Refusal } from '../refusal.ts';
import type { AgentBinding } from './agent-config.ts';
import type { SourceValues } from './source-value.ts';
import { renderTemplate, TemplateValueError } from './template.ts';

/** What a binding delivers, ready to be written. */
export interface Rendered {
  env: readonly RenderedVariable[];
  files: readonly RenderedFile[];
}

export interface RenderedVariable {
  name: string;
  value: SecretBytes;
  /** Files from which the wrapper takes it; absent for the kubelet's. */
  environs?: readonly string[];
}

export interface RenderedFile {
  path: string;
  /** Permission bits. */
  mode: number;
  content: SecretBytes;
}

/** A use of a source: the whole of its bytes, or a field of the JSON in it. */
interface Use {
  source: string;
  field?: string;
}

type File = AgentBinding['files'][number];

/**
 * Makes variables and files of the values. Without a field, the exact bytes; with one, a string as it is and anything
 * else as JSON. Throws a {@link Refusal} that names the use and never the value: messages of parsers quote their input.
 */
export function renderBinding(binding: AgentBinding, values: SourceValues): Rendered {
  const render = (use: Use, what: string): SecretBytes => {
    const value = values.get(use.source);
    if (value === undefined) throw new Refusal(`SecretBinding ${binding.name}: ${what} has no source ${use.source}.`);
    if (use.field === undefined) return value;
    return explained(use, what, () => SecretBytes.fromUtf8(fieldOf(value, use.field as string)));
  };
  const explained = <T>({ source, field }: Use, what: string, make: () => T): T => {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof FieldError) && !(error instanceof TemplateValueError)) throw error;
      const taken = field === undefined ? `the source ${source}` : `the field ${field} of the source ${source}`;
      throw new Refusal(`SecretBinding ${binding.name}: ${what} takes ${taken}, ${error.message}`);
    }
  };
  const contentOf = ({ path, source = '', field, template }: File): SecretBytes => {
    const what = `the file ${path}`;
    if (template === undefined) return render({ source, ...(field === undefined ? {} : { field }) }, what);
    return renderTemplate(template, (part, convert) => explained(part, what, () => convert(render(part, what))));
  };
  return {
    env: binding.env.map((entry) => ({
      name: entry.name,
      value: render(entry, `the variable ${entry.name}`),
      ...(entry.environs === undefined ? {} : { environs: entry.environs }),
    })),
    files: binding.files.map((file) => ({
      path: file.path,
      mode: Number.parseInt(file.mode, 8),
      content: contentOf(file),
    })),
  };
}

/** Ends the sentence "… takes the field x of the source y, ". */
class FieldError extends Error {}

function fieldOf(value: SecretBytes, expression: string): string {
  const result = evaluate(parseValue(value), expression);
  if (result === null || result === undefined) {
    throw new FieldError('which gives nothing. Correct the field, or put it into the secret.');
  }
  const text = typeof result === 'string' ? result : JSON.stringify(result);
  if (text.isWellFormed()) return text;
  throw new FieldError('which is not Unicode text (it has half of a surrogate pair).');
}

function evaluate(document: unknown, expression: string): unknown {
  let compiled: ReturnType<typeof compile>;
  try {
    compiled = compile(expression);
  } catch {
    throw new FieldError(
      'which is not a JMESPath expression. Write a name such as password, or a path such as db.user.',
    );
  }
  try {
    return TreeInterpreter.search(compiled, document as never);
  } catch {
    throw new FieldError('which cannot be evaluated on this value. Check the types that its functions get.');
  }
}

function parseValue(value: SecretBytes): unknown {
  const bytes = value.reveal();
  if (!isUtf8(bytes)) throw new FieldError('but the value is not text. Use it whole, without a field.');
  try {
    return JSON.parse(bytes.toString('utf8'), keepExact as (key: string, value: unknown) => unknown);
  } catch {
    throw new FieldError('but the value is not JSON. Use it whole, without a field.');
  }
}

/** ECMAScript's JSON.parse with source text access; not in TypeScript's library yet. */
const rawJson: (text: string) => unknown = (text) =>
  (JSON as typeof JSON & { rawJSON(text: string): unknown }).rawJSON(text);

/**
 * A number that JavaScript would change (1.0, 12345678901234567890) passes through as it was written. Objects lose their
 * prototype: the field `toString` of a secret without one is nothing, not a function.
 */
function keepExact(_key: string, value: unknown, context: { source?: string }): unknown {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return Object.setPrototypeOf(value, null);
  if (typeof value !== 'number' || context.source === undefined || String(value) === context.source) return value;
  return rawJson(context.source);
}
