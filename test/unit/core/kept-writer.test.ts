import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { expect, test } from 'vitest';
import { KeptWriter } from '../../../src/core/kept-writer.ts';

const MAX = 8;

function keptWriter(): { readonly kept: KeptWriter<BinaryWriter>; readonly created: () => number } {
  let created = 0;
  const create = (): BinaryWriter => {
    created += 1;
    return new BinaryWriter();
  };
  return { kept: new KeptWriter(create, MAX), created: () => created };
}

const text = (writer: BinaryWriter, message: string): void => {
  writer.string(message);
};
const written = (message: string): Uint8Array => new BinaryWriter().string(message).finish();

test('writes one message after the other with one writer', () => {
  const { kept, created } = keptWriter();
  for (const message of ['a', 'bc', '']) expect(kept.write(text, message)).toEqual(written(message));
  expect(created()).toBe(1);
});

test('nothing of a message that throws half way is in the next one', () => {
  const { kept } = keptWriter();
  const breaks = (writer: BinaryWriter, message: string): void => {
    writer.string('half').fork();
    throw new Error(message);
  };
  expect(() => kept.write(breaks, 'no number')).toThrow('no number');
  expect(kept.write(text, 'a')).toEqual(written('a'));
});

test('a message within a message has a writer of its own', () => {
  const { kept } = keptWriter();
  const outer = (writer: BinaryWriter, message: string): void => {
    writer.string(message).bytes(kept.write(text, 'inner'));
  };
  expect(kept.write(outer, 'a')).toEqual(new BinaryWriter().string('a').bytes(written('inner')).finish());
});

test('a writer that grew is not kept', () => {
  const { kept, created } = keptWriter();
  kept.write(text, 'x'.repeat(MAX - 1));
  kept.write(text, 'a');
  expect(created()).toBe(1);
  kept.write(text, 'x'.repeat(MAX));
  kept.write(text, 'a');
  expect(created()).toBe(2);
});
