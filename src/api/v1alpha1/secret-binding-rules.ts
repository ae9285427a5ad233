// SPDX-License-Identifier: Apache-2.0
import { exactlyOne, type Rule } from '../crd/rules.ts';
import type { FileDelivery, SecretBindingSpec } from './secret-binding.ts';

/** A message that names the offender is beyond the API server's cost budget: CEL's `filter` and `map` are estimated high. */
function sourcesExist(list: 'env' | 'files'): Rule<SecretBindingSpec> {
  const isTemplate = list === 'files' ? '!has(d.source) || ' : '';
  return {
    rule: `!has(self.${list}) || self.${list}.all(d, ${isTemplate}self.sources.exists(s, s.name == d.source))`,
    message: `every source in ${list} must be the name of an entry of spec.sources: add the entry, or correct the name`,
    fieldPath: `.${list}`,
    holds: (spec) =>
      (spec[list] ?? []).every(
        ({ source }) => source === undefined || spec.sources.some(({ name }) => name === source),
      ),
  };
}

const somethingDelivered: Rule<SecretBindingSpec> = {
  rule: `(has(self.env) && size(self.env) > 0) || (has(self.files) && size(self.files) > 0) || self.envReferences == 'SourcesOnly' || has(self.localEndpoint)`,
  message: 'nothing would be delivered: add an entry to env or files, or localEndpoint',
  holds: ({ env = [], files = [], envReferences, localEndpoint }) =>
    env.length + files.length > 0 || envReferences === 'SourcesOnly' || localEndpoint !== undefined,
};

const noFileUnderFile: Rule<SecretBindingSpec> = {
  rule: `!has(self.files) || self.files.all(f, !self.files.exists(g, g.path.startsWith(f.path + '/')))`,
  message: 'one path is a folder of another: rename one of the two files',
  fieldPath: '.files',
  holds: (spec) => {
    const paths = (spec.files ?? []).map((file) => file.path);
    return paths.every((path) => !paths.some((other) => other.startsWith(`${path}/`)));
  },
};

/** What must hold between the fields of a file. */
export const fileRules: readonly Rule<FileDelivery>[] = [
  exactlyOne<FileDelivery>(['source', 'template']),
  {
    rule: '!(has(self.template) && has(self.field))',
    message: 'leave field out: a template names fields itself, as in {{ .db.password }}',
    holds: ({ template, field }) => template === undefined || field === undefined,
  },
];

/** What must hold between the fields of a binding. */
export const bindingRules: readonly Rule<SecretBindingSpec>[] = [
  sourcesExist('env'),
  sourcesExist('files'),
  somethingDelivered,
  noFileUnderFile,
];
