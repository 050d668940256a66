/** Every workflow of docs/patterns.md runs and has the property that makes the pattern what it is. */
import { expect, test } from 'vitest';
import { branching } from './branching.ts';
import { readPage } from './page.ts';
import { state } from './state.ts';
import { Stage } from './story.ts';
import { structure } from './structure.ts';

const page = readPage('docs/patterns.md');
const stories = [...branching, ...structure, ...state];

for (const { workflow, behaviour, play } of stories)
  test(`${workflow}: ${behaviour}`, async () => {
    await using stage = await Stage.open(page, workflow);
    await play(stage);
  });

test('every workflow of the page has a test here', () => {
  expect(new Set(stories.map(({ workflow }) => workflow))).toEqual(new Set(page.workflows.keys()));
});

test('the page has the twenty patterns, each with an answer', () => {
  const sections = page.text.split(/^### /m).slice(1);
  expect(sections.map((section) => Number.parseInt(section, 10))).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  const unanswered = sections.filter((section) => !/\*\*(?:Yes|Partly|No)[,.:*]/.test(section));
  expect(unanswered).toEqual([]);
  const partly = sections.filter((section) => section.includes('**Partly'));
  expect(partly.filter((section) => !/missing|stopped instead/.test(section))).toEqual([]);
});
