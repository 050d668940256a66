import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { optimizedDataProcessing } from '../../../examples/workflows/optimized-data-processing.ts';
import { canonicalWorkflow, readWorkflow } from '../../../src/workflow/index.ts';

const file = new URL('../../../examples/workflows/optimized-data-processing.yaml', import.meta.url);

test('OptimizedDataProcessing is the same workflow as builder code and as YAML, and lint has nothing to say', () => {
  const { definition, warnings } = readWorkflow({ text: readFileSync(file, 'utf8'), file: 'x.yaml', format: 'yaml' });
  expect(canonicalWorkflow(definition)).toBe(canonicalWorkflow(optimizedDataProcessing.definition));
  expect(warnings).toEqual([]);
});
