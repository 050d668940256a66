/** The workflow language: reading, checking, compiling. Loads CEL and YAML; the builder can be imported without them. */
export { canonicalWorkflow } from './canonical.ts';
export { checkWorkflow } from './check.ts';
export { compileWorkflow } from './compile.ts';
export type * from './compiled.ts';
export type * from './definition.ts';
export type { Format, SourceText } from './document.ts';
export { formatProblem, formatProblemLine } from './format-problem.ts';
export { lintWorkflow } from './lint.ts';
export { type Normalized, normalizeWorkflow } from './normalize.ts';
export {
  type InspectedWorkflow,
  inspectWorkflow,
  inspectWorkflowValue,
  type ReadWorkflow,
  readWorkflow,
  readWorkflowValue,
} from './read.ts';
