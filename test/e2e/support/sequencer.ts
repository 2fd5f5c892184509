import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files run in the order of their paths: end-to-end scenarios build on each other. */
export class ByPath extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return [...files].sort((a, b) => (a.moduleId < b.moduleId ? -1 : 1));
  }
}
