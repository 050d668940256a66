/** Every rule of lint, with the caret that a person sees. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { formatProblem } from '../../../src/workflow/format-problem.ts';
import { lintRules } from '../../../src/workflow/lint.ts';
import { inspectWorkflow } from '../../../src/workflow/read.ts';

const head = ['name: TableCopy', 'description: Copies a table', 'timeout: 10m'];
const copy = ['steps:', '  - id: copy-table', '    action: copy'];

interface Case {
  readonly lines: readonly string[];
  /** The line that is marked, and what of it. */
  readonly line: string;
  readonly marked: string;
}

const cases: Readonly<Record<string, readonly Case[]>> = {
  'generic-name': [
    { lines: ['name: my-workflow', ...head.slice(1), ...copy], line: 'name: my-workflow', marked: 'my-workflow' },
    { lines: [...head, 'steps:', '  - id: step1', '    action: copy'], line: '  - id: step1', marked: 'step1' },
  ],
  'missing-description': [
    { lines: ['name: TableCopy', 'timeout: 10m', ...copy], line: 'name: TableCopy', marked: 'TableCopy' },
  ],
  'too-many-steps': [
    {
      lines: [...head, 'steps:', ...Array.from({ length: 51 }, (_, i) => `  - { id: load-${i}, action: load }`)],
      line: 'steps:',
      marked: 'steps',
    },
  ],
  'no-timeout': [
    { lines: [...head.slice(0, 2), ...copy], line: '  - id: copy-table', marked: 'copy-table' },
    {
      lines: [...head.slice(0, 2), 'steps:', '  - id: approve', '    type: signal', '    signal: go'],
      line: '  - id: approve',
      marked: 'approve',
    },
  ],
  'cleanup-not-always': [
    {
      lines: [...head, ...copy, '  - id: clean-up-files', '    action: remove'],
      line: '  - id: clean-up-files',
      marked: 'clean-up-files',
    },
  ],
  'retry-not-idempotent': [
    {
      lines: [...head, ...copy, '    idempotent: false', '    retries: 2'],
      line: '    idempotent: false',
      marked: 'false',
    },
  ],
  'unreachable-branch': [
    {
      lines: [
        ...head,
        'steps:',
        '  - id: pick',
        '    type: condition',
        '    if: "false"',
        '    then:',
        '      - { id: a-b, action: copy }',
      ],
      line: '    if: "false"',
      marked: '"false"',
    },
    {
      lines: [
        ...head,
        'steps:',
        '  - id: pick',
        '    type: switch',
        `    switch: "'eu'"`,
        '    cases:',
        '      - equals: us',
        '        steps: [{ id: a-b, action: copy }]',
        '      - equals: eu',
        '        steps: [{ id: b-c, action: copy }]',
      ],
      line: '      - equals: us',
      marked: 'us',
    },
    { lines: [...head, ...copy, '    when: false'], line: '    when: false', marked: 'false' },
    { lines: [...head, ...copy, '    runOn: failure'], line: '    runOn: failure', marked: 'failure' },
    {
      lines: [...head, ...copy, 'finally:', '  - id: alert', '    action: alert', '    runOn: failure'],
      line: '    runOn: failure',
      marked: 'failure',
    },
    {
      lines: [
        ...head,
        'steps:',
        '  - id: poll',
        '    type: loop',
        '    while: ${{ false }}',
        '    maxIterations: 3',
        '    body: [{ id: a-b, action: copy }]',
      ],
      line: '    while: ${{ false }}',
      marked: '${{ false }}',
    },
  ],
  'plain-secret': [
    {
      lines: [...head, ...copy, '    parameters: { password: hunter2 }'],
      line: '    parameters: { password: hunter2 }',
      marked: 'hunter2',
    },
  ],
  'unread-expression': [
    {
      lines: [...head, 'schedule: { cron: "@daily", parameters: { day: "${{ now }}" } }', ...copy],
      line: 'schedule: { cron: "@daily", parameters: { day: "${{ now }}" } }',
      marked: '"${{ now }}"',
    },
  ],
  'unresolved-secret': [
    {
      lines: [
        ...head,
        'secrets: [DB]',
        'metadata: { password: "secret:DB" }',
        ...copy,
        '    parameters: { p: "secret:DB" }',
      ],
      line: 'metadata: { password: "secret:DB" }',
      marked: '"secret:DB"',
    },
  ],
  'unused-secret': [{ lines: [...head, 'secrets: [DB]', ...copy], line: 'secrets: [DB]', marked: 'DB' }],
};

test('every rule has a case, and the page of workflows names it', () => {
  expect(Object.keys(cases).sort()).toEqual(Object.keys(lintRules).sort());
  const page = readFileSync(new URL('../../../docs/workflows.md', import.meta.url), 'utf8');
  for (const [rule, meaning] of Object.entries(lintRules)) expect(page).toContain(`| \`${rule}\` | ${meaning} |`);
});

test.each(Object.entries(cases).flatMap(([rule, list]) => list.map((each) => ({ rule, ...each }))))(
  '$rule marks $marked',
  ({ rule, lines, line, marked }) => {
    const text = lines.join('\n');
    const { errors, warnings } = inspectWorkflow({ text, file: 'copy.yaml', format: 'yaml' });
    expect(errors).toEqual([]);
    const found = warnings.filter(({ code }) => code === rule);
    const number = lines.indexOf(line) + 1;
    const [problem] = found.filter(({ place }) => place?.line === number);
    if (problem === undefined) throw new Error(`${rule} is not told at line ${number}: ${JSON.stringify(warnings)}`);
    const gutter = ' '.repeat(String(number).length);
    const drawn = formatProblem(problem, text).split('\n');
    expect(drawn.slice(1, 4)).toEqual([
      `  copy.yaml:${number}:${line.indexOf(marked) + 1}`,
      `  ${number} | ${line}`,
      `  ${gutter} | ${' '.repeat(line.indexOf(marked))}${'^'.repeat(marked.length)}`,
    ]);
  },
);
