import { expect, test } from 'vitest';
import { SchemaBook } from '../../../src/control-plane/runtime/schema-book.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { limits } from '../../../src/core/limits.ts';
import { encodeValue } from '../../../src/core/value.ts';

const bookOf = (): SchemaBook => new SchemaBook((bytes) => Buffer.from(bytes).toString('hex'));
const schemaOf = (book: SchemaBook, schema: JsonObject): unknown => {
  const read = book.read(encodeValue(schema));
  return 'schema' in read ? read.schema : read.fault;
};

test('instances that state the same share one schema', () => {
  const book = bookOf();
  expect(schemaOf(book, { type: 'object' })).toBe(schemaOf(book, { type: 'object' }));
});

test('of limits.schemasKeptMax and one more the oldest is read again', () => {
  const book = bookOf();
  const first = schemaOf(book, { minimum: 0 });
  for (let i = 1; i < limits.schemasKeptMax; i++) schemaOf(book, { minimum: i });
  expect(schemaOf(book, { minimum: 0 })).toBe(first);
  schemaOf(book, { minimum: limits.schemasKeptMax });
  expect(schemaOf(book, { minimum: 0 })).not.toBe(first);
});

test.each([
  [{ $id: 'https://example.org/a' }, '$id: "$id" is not supported'],
  [{ properties: { a: { pattern: '(?=x)' } } }, /^properties\.a\.pattern: "pattern" cannot be read/],
  [{ $ref: '#' }, 'a schema that asks itself about the same value never ends'],
])('says why values are not checked: %j', (schema, fault) => {
  expect(schemaOf(bookOf(), schema)).toMatch(fault);
});
