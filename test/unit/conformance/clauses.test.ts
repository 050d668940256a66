/** docs/protocol.md and the situations of the kit, compared both ways. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { INSPECTED, situations } from '../../../src/conformance/index.ts';

const page = readFileSync('docs/protocol.md', 'utf8');
const clauses = [...page.matchAll(/^- \*\*([A-Z]-\d+)\*\* (.+)$/gm)].map(([, id = '', text = '']) => ({ id, text }));
const played = new Set<string>([...INSPECTED, ...situations.flatMap((situation) => situation.clauses)]);

/** What binds the control plane, and so cannot be asked of an agent. */
const CONTROL_PLANE = /^(F-\d+|K-\d+|N-\d+|S-3|B-5|W-1|A-1[01]|C-1|C-2|C-6|E-1)$/;
/** What binds an agent and is not played. */
const NOT_PLAYED: Readonly<Record<string, string>> = {
  'S-4': 'no agent of the contract makes a list of 4 MiB; larger values are those of V-1',
};

test('every clause has an id of its own and says what must be', () => {
  const ids = clauses.map(({ id }) => id);
  expect(ids.length).toBeGreaterThan(70);
  expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
  const lax = clauses.filter(({ text }) => !/\b(MUST|SHOULD|MAY)\b/.test(text));
  expect(lax).toEqual([]);
});

test('every situation is about clauses that exist', () => {
  const unknown = [...played].filter((id) => !clauses.some((clause) => clause.id === id));
  expect(unknown).toEqual([]);
});

test('every clause that binds an agent is played, or it is said why not', () => {
  const open = clauses.filter(({ id }) => !CONTROL_PLANE.test(id) && !played.has(id)).map(({ id }) => id);
  expect(open).toEqual(Object.keys(NOT_PLAYED));
  const twofold = [...played].filter((id) => CONTROL_PLANE.test(id));
  expect(twofold).toEqual([]);
});

test('a situation has a name of its own, a title and clauses', () => {
  const names = situations.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, title, clauses: about } of situations) {
    expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(title).toMatch(/^[a-z].*[^.]$/);
    expect(about.length).toBeGreaterThan(0);
  }
});
