import { BaseSequencer, type TestSpecification } from 'vitest/node';

const last = 'removal.test.ts';

/** Files in the order of their names, the one that removes everything last. */
export default class Sequence extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const weight = ({ moduleId }: TestSpecification): number => (moduleId.endsWith(last) ? 1 : 0);
    return files.toSorted((a, b) => weight(a) - weight(b) || a.moduleId.localeCompare(b.moduleId));
  }
}
