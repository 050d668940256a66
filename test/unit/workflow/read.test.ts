import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isYardmasterError } from '../../../src/core/errors.ts';
import type { Format } from '../../../src/workflow/document.ts';
import { formatProblem, formatProblemLine } from '../../../src/workflow/format-problem.ts';
import { inspectWorkflow, readWorkflow, readWorkflowValue } from '../../../src/workflow/read.ts';

/** All errors of a text as the CLI prints them. */
function print(text: string, format: Format = 'yaml'): string {
  const { errors } = inspectWorkflow({ text, format, file: `nightly.${format}` });
  return errors.map((problem) => formatProblem(problem, text)).join('\n\n');
}

const nightly = `name: Nightly
description: Copy a table every night
timeout: 10m

steps:
  # two steps
  - id: fetch
    action: fetch
  - id: extract
    action: extract
    parameters: { table: "\${{ params.table }}" }
  - id: clean
    action: clean
    parameters:
      rows: \${{ steps.extract.output.rows }}
output:
  kept: \${{ steps.clean.output.kept }}
`;

test('reads YAML and the same JSON to the same definition', () => {
  const { definition, warnings } = readWorkflow({ text: nightly, format: 'yaml' });
  expect(warnings).toEqual([]);
  expect(definition).toEqual({
    name: 'Nightly',
    description: 'Copy a table every night',
    timeoutMs: 600_000,
    steps: [
      { type: 'agent', id: 'fetch', action: 'fetch', dependencies: [] },
      {
        type: 'agent',
        id: 'extract',
        action: 'extract',
        dependencies: ['fetch'],
        parameters: { table: '${{ params.table }}' },
      },
      {
        type: 'agent',
        id: 'clean',
        action: 'clean',
        dependencies: ['extract'],
        parameters: { rows: '${{ steps.extract.output.rows }}' },
      },
    ],
    output: { kept: '${{ steps.clean.output.kept }}' },
  });
  const written = {
    name: 'Nightly',
    description: 'Copy a table every night',
    timeout: 600_000,
    steps: [
      { id: 'fetch', action: 'fetch' },
      { id: 'extract', action: 'extract', parameters: { table: '${{ params.table }}' } },
      { id: 'clean', action: 'clean', parameters: { rows: '${{ steps.extract.output.rows }}' } },
    ],
    output: { kept: '${{ steps.clean.output.kept }}' },
  };
  expect(readWorkflow({ text: JSON.stringify(written, null, 2), format: 'json' }).definition).toEqual(definition);
  expect(readWorkflowValue(written).definition).toEqual(definition);
});

describe('carets', () => {
  test('a typo in a step name', () => {
    expect(print(nightly.replace('steps.extract.output', 'steps.extrct.output'))).toBe(
      `error UNKNOWN_STEP: step "clean" reads a step that does not exist
  nightly.yaml:15:23
  15 |       rows: \${{ steps.extrct.output.rows }}
     |                       ^^^^^^ did you mean "extract" (line 9)?`,
    );
  });

  test('an expression inside a longer, quoted text', () => {
    expect(print(nightly.replace('"${{ params.table }}"', "'t ${{ params.table + }} x'"))).toBe(
      `error BAD_EXPRESSION: step "extract": nothing stands after "+", column 14
  nightly.yaml:11:46
  11 |     parameters: { table: 't \${{ params.table + }} x' }
     |                                              ^`,
    );
  });

  test('an expression in a folded block', () => {
    expect(
      print(
        nightly.replace(
          'rows: ${{ steps.extract.output.rows }}',
          'rows: >\n        all of\n        ${{ stepps.extract.output.rows }}\n        here',
        ),
      ),
    ).toBe(
      `error BAD_EXPRESSION: step "clean": unknown name "stepps", column 1
  nightly.yaml:17:13
  17 |         \${{ stepps.extract.output.rows }}
     |             ^^^^^^ did you mean "steps"?`,
    );
  });

  test('an unknown field, under its name', () => {
    expect(print(nightly.replace('timeout: 10m', 'timout: 10m'))).toBe(
      `error UNKNOWN_FIELD: workflow "Nightly" has an unknown field "timout"
  nightly.yaml:3:1
  3 | timout: 10m
    | ^^^^^^ did you mean "timeout"?`,
    );
  });

  test('a cycle, with all its lines', () => {
    const text =
      'name: A\nsteps:\n  - { id: a, action: x, dependencies: [c] }\n  - { id: b, action: x }\n  - { id: c, action: x }\n';
    expect(print(text)).toBe(
      `error CYCLE: a -> c -> b -> a: each waits for the next (lines 3, 5, 4)
  nightly.yaml:3:39
  3 |   - { id: a, action: x, dependencies: [c] }
    |                                       ^
  next: drop one, likely "a" from the dependencies of "b"`,
    );
  });

  test('several problems, in the order of the text', () => {
    const text =
      'name: A\nsteps:\n  - id: a\n    action: x\n    when: foo\n    dependencies: [z]\n  - id: a\n    actoin: y\n';
    const { errors } = inspectWorkflow({ text, format: 'yaml' });
    expect(errors.map(({ code, place }) => [place?.line, place?.column, code])).toEqual([
      [5, 11, 'BAD_EXPRESSION'],
      [6, 20, 'UNKNOWN_DEPENDENCY'],
      [7, 5, 'MISSING_FIELD'],
      [7, 9, 'DUPLICATE_ID'],
      [8, 5, 'UNKNOWN_FIELD'],
    ]);
  });

  test('a mistake of form in one step hides no value of another, and is not itself told twice', () => {
    const text = [
      'name: Nightly',
      'steps:',
      '  - { id: fetch, action: fetch, retires: 2, version: next }',
      '  - { id: each, type: map, items: params.rows, concurrency: 0, step: { id: load, action: load, retries: -1 } }',
      '  - { id: some, type: parallel, quorum: 2, steps: [{ id: one, action: one, timeout: soon }] }',
      '  - { id: poll, type: loop, maxIterations: 0, while: 5, body: [{ id: ask, action: "a b" }] }',
      '  - { id: rest, type: sequential, steps: [] }',
      '  - { id: hold, type: wait }',
    ].join('\n');
    const { errors } = inspectWorkflow({ text, format: 'yaml', file: 'nightly.yaml' });
    expect(errors.map(({ code, place }) => `${code} ${place?.line} ${place?.pointer}`)).toEqual([
      'UNKNOWN_FIELD 3 steps[0].retires',
      'BAD_FIELD 4 steps[1].concurrency',
      'BAD_FIELD 4 steps[1].step.retries',
      'BAD_FIELD 5 steps[2].quorum',
      'BAD_FIELD 5 steps[2].steps[0].timeout',
      'BAD_FIELD 6 steps[3].while',
      'BAD_NAME 6 steps[3].body[0].action',
      'MISSING_FIELD 7 steps[4].steps',
      'MISSING_FIELD 8 steps[5]',
    ]);
  });

  test('a long line is cut around the caret', () => {
    const text = `{"name": "A", "description": "${'d'.repeat(300)}", "steps": [{"id": "a", "action": "x", "when": "1 +"}]}`;
    const lines = print(text, 'json').split('\n');
    expect(lines[2]?.length).toBeLessThan(130);
    expect(lines[3]?.trimEnd().endsWith('^')).toBe(true);
  });

  test('a warning in one line', () => {
    const { warnings } = inspectWorkflow({
      text: nightly.replace('timeout: 10m\n', ''),
      format: 'yaml',
      file: 'nightly.yaml',
    });
    expect(warnings[0] && formatProblemLine(warnings[0])).toBe(
      'nightly.yaml:6:9 warn no-timeout: "fetch" has no timeout and may run for an hour. next: timeout: 10m',
    );
  });

  test('a problem of a value, which has no text, has its pointer', () => {
    const { errors } = inspectWorkflow({ text: nightly, format: 'yaml' });
    expect(errors).toEqual([]);
    try {
      readWorkflowValue({
        name: 'A',
        steps: [
          { id: 'extract', action: 'x' },
          { id: 'b', action: 'x', parameters: { r: ['${{ steps.extrct.output }}'] } },
        ],
      });
      expect.unreachable();
    } catch (error) {
      if (!isYardmasterError(error)) throw error;
      expect(error.message).toBe('cannot read "A": UNKNOWN_STEP: step "b" reads a step that does not exist');
      expect(error.problems.map((problem) => formatProblem(problem))).toEqual([
        'error UNKNOWN_STEP: step "b" reads a step that does not exist (did you mean "extract"?)\n  steps[1].parameters.r[0]',
      ]);
    }
  });
});

describe('malformed YAML', () => {
  test.each([
    ['a tab', 'name: A\nsteps:\n\t- id: x\n', 'a tab in the indentation; YAML takes spaces', 3],
    ['two documents', 'a: 1\n---\nb: 2\n', 'more than one document; a file holds one workflow', 2],
    ['a duplicate key', 'name: A\nname: B\nsteps: []\n', 'the key "name" stands twice', 2],
    ['an unclosed quote', 'name: "A\nsteps: []\n', 'Missing closing "quote', 1],
    ['an unclosed list', 'name: [A\n', 'Flow sequence', 2],
    ['an unknown tag', 'name: !!js/function x\n', 'Unresolved tag: tag:yaml.org,2002:js/function', 1],
    ['an unknown alias', 'name: *nobody\n', 'Unresolved alias', 1],
    ['a key that is a list', '? [a]\n: b\n', 'all keys must be strings', 1],
    ['an alias bomb', bomb(), 'Excessive alias count', 1],
    ['20,000 nested lists', '['.repeat(20_000), 'nested too deeply', 1],
  ])('%s', (_, text, fact, line) => {
    const { errors, definition } = inspectWorkflow({ text, format: 'yaml' });
    expect(definition).toBeUndefined();
    expect(errors[0]).toMatchObject({ code: 'MALFORMED_TEXT', message: expect.stringContaining(fact) });
    expect(errors[0]?.place?.line).toBeGreaterThanOrEqual(line);
  });

  test.each(['', '# nothing\n', '42', 'just text', '[]', 'null'])('%j is no workflow', (text) => {
    expect(() => readWorkflow({ text, format: 'yaml', file: 'x.yaml' })).toThrow(
      'cannot read "x.yaml": BAD_FIELD: a workflow is an object',
    );
  });

  test('a text over 1 MiB is not even parsed', () => {
    expect(inspectWorkflow({ text: `a: ${'x'.repeat(2_000_000)}`, format: 'yaml' }).errors[0]?.code).toBe('LIMIT');
  });

  test('aliases in use are fine, and carets find their way through them', () => {
    const text =
      'name: A\nsteps:\n  - &step { id: a, action: x, retry: &retry { tries: 2 } }\n  - { id: b, action: x, retry: *retry, when: foo }\n';
    expect(inspectWorkflow({ text, format: 'yaml' }).errors.map(({ code, place }) => [code, place?.line])).toEqual([
      ['BAD_EXPRESSION', 4],
    ]);
  });
});

function bomb(): string {
  const ten = (name: string): string => `[${Array.from({ length: 10 }, () => `*${name}`).join(',')}]`;
  return `a: &a [x]\nb: &b ${ten('a')}\nc: &c ${ten('b')}\nd: &d ${ten('c')}\ne: ${ten('d')}\n`;
}

describe('malformed JSON', () => {
  test.each([
    ['{"name": "A", "steps": [}', "not JSON: Unexpected token '}'"],
    ['{"name": "A" "steps": []}', "not JSON: Expected ',' or '}' after property value"],
    ['name: A\nsteps: []\n', 'not JSON: '],
    ['', 'not JSON: Unexpected end of JSON input'],
    ['{"name": "A", "name": "B", "steps": []}', 'the key "name" stands twice'],
    ['['.repeat(20_000) + ']'.repeat(20_000), 'nested too deeply'],
  ])('%.40s', (text, fact) => {
    const { errors } = inspectWorkflow({ text, format: 'json' });
    expect(errors[0]?.message).toContain(fact);
    expect(errors[0]?.code).toBe('MALFORMED_TEXT');
  });
});

test('__proto__ keys in a document are data or unknown fields, and touch no prototype', () => {
  const text =
    '__proto__: { polluted: 1 }\nname: A\nsteps:\n  - id: a\n    action: x\n    parameters: { __proto__: { polluted: 2 } }\n';
  const { errors } = inspectWorkflow({ text, format: 'yaml' });
  expect(errors.map(({ code, place }) => [code, place?.line])).toEqual([['UNKNOWN_FIELD', 1]]);
  expect('polluted' in {}).toBe(false);
  const { definition } = readWorkflow({ text: text.slice(text.indexOf('name')), format: 'yaml' });
  expect(JSON.stringify(definition)).toContain('"parameters":{"__proto__":{"polluted":2}}');
});

test('whatever the text, reading ends with a definition or a YardmasterError', () => {
  const words = fc.constantFrom(
    'name: A',
    'steps:',
    '  - id: a',
    '    action: x',
    '    when: ',
    '${{ steps.a }}',
    '\n',
    '- ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '&a ',
    '*a',
    '!!x ',
    '|',
    '>',
    ': ',
    '? ',
    '---',
    '\t',
    '#',
    '__proto__: 1',
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(words, { maxLength: 15 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, fc.constantFrom<Format>('yaml', 'json'), (source, format) => {
      const { definition, errors } = inspectWorkflow({ text: source, format });
      expect(definition === undefined).toBe(errors.length > 0);
      for (const problem of errors) expect(formatProblem(problem, source)).toMatch(/^error [A-Z_]+: /);
    }),
    { numRuns: 500 },
  );
});

test('whatever the value, reading ends with a definition or a YardmasterError', () => {
  fc.assert(
    fc.property(
      fc.anything({
        maxDepth: 4,
        withBigInt: true,
        withMap: true,
        withDate: true,
        withNullPrototype: true,
        key: fc.constantFrom('name', 'steps', 'id', 'action', 'type', 'retry', 'when', '__proto__', 'parameters'),
      }),
      (value) => {
        try {
          readWorkflowValue(value);
        } catch (error) {
          expect(isYardmasterError(error)).toBe(true);
        }
      },
    ),
    { numRuns: 500 },
  );
});
