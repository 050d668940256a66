/** The workflow language: reading, checking, compiling. Loads CEL; the builder can be imported without it. */
export { canonicalWorkflow } from './canonical.ts';
export { compileWorkflow } from './compile.ts';
export type * from './compiled.ts';
export type * from './definition.ts';
export { type Normalized, normalizeWorkflow } from './normalize.ts';
