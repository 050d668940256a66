/** The workflow around a block, in every form: a step before it, and one after it that gets what it gave. */
import { z } from 'zod';
import { capability } from '../../../src/core/capability.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { WorkflowBuilder } from '../../../src/workflow/builder/index.ts';

export const NAME = 'Covered';
const DESCRIPTION = 'One block between two steps';
const OUTPUT = '${{ steps.block.output }}';

export const before = capability('before', { input: z.object({}), output: z.object({ n: z.number() }) });
export const work = capability('work', { input: z.object({ n: z.number() }), output: z.object({ done: z.number() }) });
export const other = capability('other', { input: z.object({}), output: z.null() });
/** Always fails. */
export const broken = capability('broken', { input: z.object({}), output: z.object({ done: z.number() }) });
export const after = capability('after', { input: z.object({ got: z.unknown() }), output: z.null() });

/** The beginning of the typed form; the block and `after` follow. */
export function typedFrame() {
  return new WorkflowBuilder(NAME).description(DESCRIPTION).cleanupTimeout('1h').step('before', { action: before });
}

/** The beginning of the plain form. */
export function plainFrame() {
  return new WorkflowBuilder(NAME).description(DESCRIPTION).cleanupTimeout('1h').step('before', { action: 'before' });
}

/** The end of the plain form. */
export const plainAfter = { action: 'after', parameters: { got: OUTPUT } };
export const plainOutput = OUTPUT;

/** `yaml`: the step, with two spaces in front of every line. `end`: what stands below the body. */
export function yamlFrame(yaml: string, end = ''): string {
  return `name: ${NAME}
description: ${DESCRIPTION}
cleanupTimeout: 1h
steps:
  - { id: before, action: before }
${yaml.trimEnd()}
  - { id: after, action: after, parameters: { got: "${OUTPUT}" } }
output: "${OUTPUT}"
${end}`;
}

/** `yardmaster.v1.Workflow` in JSON; it states every edge. */
export function protoFrame(step: JsonObject, end: JsonObject = {}): JsonObject {
  return {
    name: NAME,
    description: DESCRIPTION,
    output: OUTPUT,
    cleanupTimeout: '3600s',
    ...end,
    steps: [
      { id: 'before', agent: { action: 'before' } },
      { id: 'block', dependencies: ['before'], ...step },
      { id: 'after', dependencies: ['block'], agent: { action: 'after', parameters: { got: OUTPUT } } },
    ],
  };
}
