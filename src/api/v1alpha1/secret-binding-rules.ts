// SPDX-License-Identifier: Apache-2.0
import type { Rule } from '../crd/rules.ts';
import type { SecretBindingSpec } from './secret-binding.ts';

interface Delivery {
  source: string;
}

const unknownSource = (spec: SecretBindingSpec, deliveries: readonly Delivery[] | undefined): string | undefined =>
  deliveries?.find((delivery) => !spec.sources.some((source) => source.name === delivery.source))?.source;

function sourcesExist(list: 'env' | 'files'): Rule<SecretBindingSpec> {
  const advice = 'is not among spec.sources: add it there, or correct the name';
  const known = 'self.sources.exists(s, s.name == d.source)';
  return {
    rule: `!has(self.${list}) || self.${list}.all(d, ${known})`,
    message: `a source of ${list} ${advice}`,
    messageExpression: `'source ' + self.${list}.filter(d, !${known})[0].source + ' ${advice}'`,
    fieldPath: `.${list}`,
    holds: (spec) => unknownSource(spec, spec[list]) === undefined,
    messageOf: (spec) => `source ${unknownSource(spec, spec[list])} ${advice}`,
  };
}

const somethingDelivered: Rule<SecretBindingSpec> = {
  rule: '(has(self.env) && size(self.env) > 0) || (has(self.files) && size(self.files) > 0)',
  message: 'nothing would be delivered: add an entry to env or files',
  holds: (spec) => (spec.env ?? []).length + (spec.files ?? []).length > 0,
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

/** What must hold between the fields of a binding. */
export const bindingRules: readonly Rule<SecretBindingSpec>[] = [
  sourcesExist('env'),
  sourcesExist('files'),
  somethingDelivered,
  noFileUnderFile,
];
