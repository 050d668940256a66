/**
 * schema/workflow.json, the written form of a workflow for editors, and the tables of docs/workflows.md. Fields and blocks
 * come from src/workflow/schema.ts; here is only what its reader does between them: which fields are required, and which
 * block a step is. Draft 07 is what every editor reads; it ignores what stands beside a `$ref`, so nothing does.
 */
import { z } from 'zod';
import { attachedForm, blocks, commonFields, workflowRequired, workflowSchema } from '../../src/workflow/schema.ts';
import { renderTable, replaceRegion } from './regions.ts';

type Node = z.core.JSONSchema.JSONSchema;

/** What a step without `type` is. */
const DEFAULT_BLOCK = 'agent';

const kinds = Object.keys(blocks);

export function renderWorkflowSchema(): string {
  const forms = Object.entries(blocks).map(([kind, form]) => [kind, blockForm(kind, form.schema, form.required)]);
  const { $schema, ...workflow } = formOf(workflowSchema, workflowRequired);
  const schema = {
    $schema,
    title: 'Yardmaster workflow',
    ...workflow,
    definitions: {
      step: stepForm(),
      ...Object.fromEntries(forms),
      attached: blockForm(DEFAULT_BLOCK, attachedForm, blocks[DEFAULT_BLOCK].required),
    },
  };
  return `${JSON.stringify(schema, withoutNotes, 2)}\n`;
}

/** A region per block, so a block without words of its own stops the generation. */
export function fillWorkflowsPage(page: string): string {
  const workflow = replaceRegion(page, 'fields of a workflow', fieldTable(workflowSchema, workflowRequired));
  const ofBlocks = Object.entries(blocks).reduce(
    (text, [kind, { schema, required }]) =>
      replaceRegion(
        text,
        `fields of ${kind}`,
        fieldTable(schema, required, (field) => !commonFields.includes(field)),
      ),
    workflow,
  );
  const { schema, required } = blocks[DEFAULT_BLOCK];
  const common = fieldTable(schema, required, (field) => commonFields.includes(field));
  return replaceRegion(ofBlocks, 'fields of all blocks', common);
}

function formOf(schema: z.ZodType, required: readonly string[]): Node {
  const form = z.toJSONSchema(schema, { io: 'input', target: 'draft-07', unrepresentable: 'any' });
  return { ...form, required: [...required] };
}

function blockForm(kind: string, schema: z.ZodType, required: readonly string[]): Node {
  const { $schema: _, properties, ...form } = formOf(schema, required);
  const { type: written, ...fields } = properties ?? {};
  const type: Node = { const: kind };
  if (isNode(written) && written.description !== undefined) type.description = written.description;
  return { ...form, properties: { type, ...fields } };
}

/** One block is looked at, not any of them, so that an editor explains and completes that one. */
function stepForm(): Node {
  const isKind = (kind: string): Node => ({ required: ['type'], properties: { type: { const: kind } } });
  const branch = (condition: Node, kind: string): Node => {
    return { if: condition, then: { $ref: `#/definitions/${kind}` } };
  };
  const isAbsent: Node = { not: { required: ['type'] } };
  const description = `the kind of block; default: ${DEFAULT_BLOCK}`;
  return {
    type: 'object',
    properties: { type: { description, enum: [...kinds] } },
    allOf: [...kinds.map((kind) => branch(isKind(kind), kind)), branch(isAbsent, DEFAULT_BLOCK)],
  };
}

/** `otherwise` is a word of ours and goes into the description. */
function withoutNotes(_: string, value: unknown): unknown {
  if (!isNode(value) || typeof value.otherwise !== 'string') return value;
  const { otherwise, ...rest } = value;
  return { ...rest, description: `${rest.description}; default: ${otherwise}` };
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fieldTable(
  schema: z.ZodType,
  required: readonly string[],
  isIn: (field: string) => boolean = () => true,
): string {
  const { properties = {} } = formOf(schema, required);
  const rows = Object.entries(properties).flatMap(([name, node]) =>
    isIn(name) && isNode(node) ? rowsOf(name, node, required.includes(name)) : [],
  );
  return renderTable(['field', 'meaning', 'default'], rows);
}

function rowsOf(name: string, node: Node, isRequired: boolean): readonly (readonly string[])[] {
  const inner = Object.entries(node.properties ?? {}).flatMap(([key, member]) =>
    isNode(member) ? rowsOf(`${name}.${key}`, member, node.required?.includes(key) === true) : [],
  );
  return [
    [`\`${name}\``, `${node.description}${choicesOf(node)}`, isRequired ? 'required' : defaultOf(node)],
    ...inner,
  ];
}

/** Unless the description explains them. */
function choicesOf({ enum: choices = [], description = '' }: Node): string {
  const names = choices.map((choice) => `\`${choice}\``);
  return names.every((name) => description.includes(name)) ? '' : ` (${names.join(', ')})`;
}

function defaultOf(node: Node): string {
  if (typeof node.otherwise === 'string') return node.otherwise;
  return node.default === undefined ? '' : `\`${node.default}\``;
}
