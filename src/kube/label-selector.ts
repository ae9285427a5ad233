/** Says whether labels satisfy a selector. */
export type LabelPredicate = (labels: Readonly<Record<string, string>> | undefined) => boolean;

/**
 * Parses a label selector in kubectl's syntax: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, joined by
 * commas. As in Kubernetes, `!=` and `notin` hold for objects without the label. Throws on anything else.
 */
export function parseLabelSelector(selector: string | undefined): LabelPredicate {
  if (selector === undefined || selector.trim() === '') return () => true;
  // Commas within parentheses separate values, not requirements.
  const requirements = selector.split(/,(?![^(]*\))/).map((text) => requirement(text.trim()));
  return (labels) => requirements.every((holds) => holds(labels));
}

const setPattern = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/;
const equalityPattern = /^([^\s=!]+)\s*(==|=|!=)\s*([^\s=!]*)$/;
const existencePattern = /^(!?)\s*([^\s=!(),]+)$/;

function requirement(text: string): LabelPredicate {
  const set = setPattern.exec(text);
  if (set !== null) {
    const values = new Set((set[3] ?? '').split(',').map((value) => value.trim()));
    return valueTest(set[1] ?? '', (value) => values.has(value), set[2] === 'notin');
  }
  const equality = equalityPattern.exec(text);
  if (equality !== null) return valueTest(equality[1] ?? '', (value) => value === equality[3], equality[2] === '!=');
  const existence = existencePattern.exec(text);
  if (existence === null) throw new Error(`not a label selector: ${text}`);
  return valueTest(existence[2] ?? '', () => true, existence[1] === '!');
}

function valueTest(label: string, matches: (value: string) => boolean, negated: boolean): LabelPredicate {
  return (labels) => {
    const value = labels !== undefined && Object.hasOwn(labels, label) ? labels[label] : undefined;
    return (value !== undefined && matches(value)) !== negated;
  };
}
