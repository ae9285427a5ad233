// SPDX-License-Identifier: Apache-2.0
/**
 * The language of `spec.files[].template`. Text, and between `{{` and `}}` one expression each:
 *
 *     expression = value *( "|" function )
 *     value      = "." source *( "." name | "[" digits "]" )  |  '"' text without quotes '"'
 *     name       = letters, digits, _ and -, not beginning with a digit
 *
 * There are no variables, branches or loops, and nothing that reads the environment, a file or the network (checklist B6):
 * a template sees the sources of its binding and nothing else. A literal `{{` is written `{{ "{{" }}`.
 */

/** What a value can be put through, in the order of the reference page. */
export const templateFunctions = ['base64', 'json', 'urlencode', 'shell', 'xml', 'trim'] as const;
export type TemplateFunction = (typeof templateFunctions)[number];

/** A piece of a template. */
export type TemplatePart = { text: string } | TemplateValue;

/** A value of a source, put through functions from left to right. */
export interface TemplateValue {
  source: string;
  /** JMESPath; the whole value when absent. */
  field?: string;
  functions: readonly TemplateFunction[];
}

/** What is wrong with a template, as the end of a sentence that begins with its place. */
export class TemplateError extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = 'TemplateError';
  }
}

const literal = /^"([^"]*)"$/;
const value = /^\.([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)((?:\.[A-Za-z_][A-Za-z0-9_-]*|\[\d{1,6}\])*)$/;

/** Reads a template. Throws {@link TemplateError}, which quotes the expression at fault: a template holds no secret. */
export function parseTemplate(template: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  let rest = template;
  for (let open = rest.indexOf('{{'); open >= 0; open = rest.indexOf('{{')) {
    const close = closingOf(rest, open + 2);
    if (close < 0) throw new TemplateError('has {{ without }}. Write {{ "{{" }} for the two braces themselves.');
    if (open > 0) parts.push({ text: rest.slice(0, open) });
    parts.push(parseExpression(rest.slice(open + 2, close).trim()));
    rest = rest.slice(close + 2);
  }
  if (rest !== '') parts.push({ text: rest });
  return parts;
}

/** Names of the sources that a template uses. */
export function templateSources(parts: readonly TemplatePart[]): string[] {
  return [...new Set(parts.flatMap((part) => ('source' in part ? [part.source] : [])))];
}

/** Where the expression that begins at `from` ends; braces in a literal text do not end it. */
function closingOf(text: string, from: number): number {
  let quoted = false;
  for (let at = from; at < text.length; at++) {
    if (text[at] === '"') quoted = !quoted;
    else if (!quoted && text.startsWith('}}', at)) return at;
  }
  return -1;
}

function parseExpression(expression: string): TemplatePart {
  const text = literal.exec(expression)?.[1];
  if (text !== undefined) return { text };
  const [first = '', ...functions] = expression.split('|').map((part) => part.trim());
  const [, source, path = ''] = value.exec(first) ?? [];
  if (source === undefined) {
    throw new TemplateError(
      `has {{ ${shown(expression)} }}, which is no value. Write {{ .source }} or {{ .source.field }} with the name of an ` +
        'entry of spec.sources.',
    );
  }
  const unknown = functions.find((name) => !isFunction(name));
  if (unknown !== undefined) {
    throw new TemplateError(
      `has the function ${shown(unknown)} in {{ ${shown(expression)} }}. There are ${templateFunctions.join(', ')}.`,
    );
  }
  const field = jmesPath(path);
  return { source, ...(field === '' ? {} : { field }), functions: functions.filter(isFunction) };
}

function isFunction(name: string): name is TemplateFunction {
  return (templateFunctions as readonly string[]).includes(name);
}

/** `.a-b[0].c` as JMESPath, where names with a hyphen have to be in quotes: `"a-b"[0]."c"`. */
function jmesPath(path: string): string {
  return path.replaceAll(/\.([A-Za-z0-9_-]+)/g, '."$1"').replace(/^\./, '');
}

function shown(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
