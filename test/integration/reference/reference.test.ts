/** Every workflow of docs/workflows.md runs and does what the page says of it, and the page shows every field of the language. */
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../src/core/json.ts';
import * as forms from '../../../src/workflow/schema.ts';
import { readPage } from '../patterns/page.ts';
import { Stage } from '../patterns/story.ts';
import { blocks } from './blocks.ts';
import { more } from './more.ts';

const page = readPage('docs/workflows.md');
const stories = [...blocks, ...more];

for (const { workflow, behaviour, play, secrets = {} } of stories)
  test(`${workflow}: ${behaviour}`, async () => {
    await using stage = await Stage.open(page, workflow, { secrets });
    await play(stage);
  });

test('every workflow of the page has a test here', () => {
  expect(new Set(stories.map(({ workflow }) => workflow))).toEqual(new Set(page.workflows.keys()));
});

/** Lists of steps, by what stands in them, and single steps. */
const LISTS = ['steps', 'finally', 'then', 'else', 'default', 'body'];
const SINGLE = ['step', 'fallback', 'compensate'];

/** Every object in a workflow that is a step, with its kind. */
function stepsIn(value: JsonValue | undefined): readonly JsonObject[] {
  if (!isJsonObject(value)) return [];
  const inLists = LISTS.flatMap((key) => (Array.isArray(value[key]) ? value[key] : []));
  const inCases = Array.isArray(value.cases) ? value.cases.flatMap((each) => stepsIn(each)) : [];
  const inside = [...inLists, ...SINGLE.map((key) => value[key])].filter((step) => step !== undefined);
  return [...inside.filter(isJsonObject), ...inside.flatMap((step) => stepsIn(step)), ...inCases];
}

/** Where an editor finds the schema stands in the JSON form of the page, which is a block of its own. */
const ELSEWHERE = ['$schema'];

test('every field of the language stands in one of them', () => {
  const shown = [...page.workflows.values()].map((text): JsonObject => parse(text));
  const steps = shown.flatMap(stepsIn);
  const has = (objects: readonly JsonObject[], field: string): boolean =>
    objects.some((object) => Object.hasOwn(object, field));
  const ofWorkflow = Object.keys(forms.workflowSchema.shape).filter((field) => !has(shown, field));
  expect(ofWorkflow).toEqual(ELSEWHERE);
  // One that all blocks have, and `onFailure` of those that have no policy, may stand in any of them.
  const shared = [...forms.commonFields.filter((field) => field !== 'type'), 'onFailure'];
  expect(shared.filter((field) => !has(steps, field))).toEqual([]);
  const missing = Object.entries(forms.blocks).flatMap(([kind, { schema }]) => {
    const own = steps.filter(({ type = 'agent' }) => type === kind);
    const fields = Object.keys(schema.shape).filter((field) => !shared.includes(field) && field !== 'type');
    return [
      ...(own.length === 0 ? [kind] : []),
      ...fields.filter((field) => !has(own, field)).map((f) => `${kind}.${f}`),
    ];
  });
  expect(missing).toEqual([]);
  const retries = steps.map(({ retry }) => retry).filter(isJsonObject);
  const retryFields = Object.keys(forms.agentSchema.shape.retry.unwrap().shape);
  expect(retryFields.filter((field) => !has(retries, field))).toEqual([]);
});
