/** Whatever our own check of a schema passes can be compiled and used: nothing is found out by the first start. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ParameterValidator } from '../../../src/control-plane/parameters/validator.ts';
import type { JsonObject, JsonValue } from '../../../src/core/json.ts';
import { encodeValue } from '../../../src/core/value.ts';
import { checkParametersSchema } from '../../../src/workflow/parameters/check-schema.ts';
import { keywords } from '../../../src/workflow/parameters/keywords.ts';

const NAMES = ['a', 'b', 'toString', 'constructor', "it's", 'a/b', '~', '', '0'];
const name = fc.constantFrom(...NAMES);
const leaf: fc.Arbitrary<JsonValue> = fc.oneof(
  fc.constantFrom<JsonValue>(
    null,
    true,
    false,
    0,
    1,
    2.5,
    -1,
    '',
    'a',
    'string',
    'object',
    '^a',
    '(',
    '#',
    '#/$defs/a',
  ),
  fc.uniqueArray(name, { maxLength: 3 }),
);

const { schema } = fc.letrec<{ schema: JsonValue; word: JsonObject }>((tie) => ({
  schema: fc.oneof({ maxDepth: 4, depthSize: 'small' }, fc.boolean(), tie('word')),
  word: fc
    .uniqueArray(
      fc.tuple(
        fc.constantFrom(...keywords.keys()),
        fc.oneof(
          leaf,
          tie('schema'),
          fc.array(tie('schema'), { minLength: 1, maxLength: 3 }),
          fc.dictionary(name, tie('schema'), { maxKeys: 3 }),
        ),
      ),
      { maxLength: 4, selector: ([keyword]) => keyword },
    )
    .map((members) => Object.fromEntries(members)),
}));

test('a schema that passes the check compiles, and every value is checked by it', () => {
  let passed = 0;
  fc.assert(
    fc.property(
      fc.dictionary(name, schema, { maxKeys: 3 }),
      schema,
      fc.dictionary(name, fc.jsonValue({ maxDepth: 3 })),
      ($defs, root, value) => {
        const whole: JsonObject = { ...(typeof root === 'object' ? (root as JsonObject) : {}), $defs };
        if (checkParametersSchema(whole, []).length > 0) return;
        passed += 1;
        const { problems, problemCount, parameters } = new ParameterValidator(whole).check(encodeValue(value));
        expect(problems.length).toBe(Math.min(problemCount, 100));
        // What passed once passes again: defaults are filled in for good.
        if (problemCount === 0) expect(new ParameterValidator(whole).check(parameters).problemCount).toBe(0);
      },
    ),
    { numRuns: 1_500 },
  );
  // Else this test would say nothing.
  expect(passed).toBeGreaterThan(100);
}, 120_000);
