// SPDX-License-Identifier: Apache-2.0
/** A file that is generated: its path from the root of the checkout, with forward slashes, and all of its text. */
export interface Artifact {
  readonly path: string;
  readonly content: string;
}

/** Names the source, for whoever opens a generated file to change it. */
export function generatedFrom(source: string): string {
  return `Generated from ${source} by \`npm run generate\`. Change it there.`;
}
