import { expect, test } from 'vitest';
import { z } from 'zod';
import { capability, inputSchemaOf, outputSchemaOf } from '../../../src/core/capability.ts';
import { extract, notify } from './capabilities.ts';

test('a capability is a frozen constant with its times in milliseconds', () => {
  expect(extract).toMatchObject({ name: 'extract', version: '1.2.0', idempotent: true, timeoutMs: 60_000 });
  expect(notify).toMatchObject({ idempotent: false, labels: {}, examples: [] });
  expect(notify).not.toHaveProperty('timeoutMs');
  expect(Object.isFrozen(extract)).toBe(true);
});

test('its JSON Schemas say what a workflow sends and reads', () => {
  expect(inputSchemaOf(notify)).toEqual({ type: 'object', properties: { text: { type: 'string', default: 'done' } } });
  expect(outputSchemaOf(notify)).toMatchObject({ required: ['delivered'] });
});

test('a schema without a JSON form is refused when it is asked for', () => {
  const dated = capability('dated', { input: z.object({ at: z.date() }), output: z.null() });
  expect(() => inputSchemaOf(dated)).toThrow(
    expect.objectContaining({
      code: 'CAPABILITY_INVALID',
      message: expect.stringContaining('cannot describe the input of capability "dated"'),
    }),
  );
});

test('everything wrong with a capability is told at once', () => {
  const make = () =>
    capability('not a name', {
      input: z.null(),
      output: z.null(),
      version: '1',
      concurrency: 0,
      timeout: 'soon',
      lossWindow: -1,
    });
  const pointers = ['name', 'version', 'concurrency', 'timeout', 'lossWindow'];
  expect(make).toThrow(
    expect.objectContaining({
      code: 'CAPABILITY_INVALID',
      problems: pointers.map((pointer) => expect.objectContaining({ place: { pointer } })),
    }),
  );
});
