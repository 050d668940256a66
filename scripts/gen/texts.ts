/** The committed files that are generated from the schemas of the sources, by path in the repository. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../run-command.ts';
import { fillConfigurationPage, renderExampleFile } from './configuration.ts';
import { renderCoveragePage } from './coverage.ts';
import { fillWorkflowsPage, renderWorkflowSchema } from './workflow-schema.ts';

/** Of pages only the marked regions are generated, so their present text goes in. */
export function generateTexts(): ReadonlyMap<string, string> {
  const page = (path: string): string => readFileSync(join(root, path), 'utf8');
  return new Map([
    ['docs/configuration.md', fillConfigurationPage(page('docs/configuration.md'))],
    ['docs/coverage.md', renderCoveragePage()],
    ['docs/workflows.md', fillWorkflowsPage(page('docs/workflows.md'))],
    ['examples/yardmaster.yaml', renderExampleFile()],
    ['schema/workflow.json', renderWorkflowSchema()],
  ]);
}
