/** Each call that reflection offers is on docs/grpcurl.md, in a block that test/ci runs. */
import { readFileSync } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { expect, test } from 'vitest';
import { readBlocks } from '../../docs/read-blocks.ts';

const PAGE = 'docs/grpcurl.md';
const { blocks } = readBlocks(PAGE, readFileSync(PAGE, 'utf8'));
const commands = blocks.filter(({ kind }) => kind === 'sh run').map(({ text }) => text);
const { file: files } = fromBinary(FileDescriptorSetSchema, readFileSync('src/gen/reflection.binpb'));
const offered = files.flatMap((file) =>
  file.service.flatMap(({ name, method }) => method.map((one) => `${file.package}.${name}/${one.name}`)),
);

function isShown(method: string): boolean {
  return commands.some((text) => new RegExp(`${method.replaceAll('.', '\\.')}(?!\\w)`).test(text));
}

test('every RPC has an example', () => {
  expect(offered).toContain('yardmaster.v1.RunService/StartRun');
  expect(offered.filter((method) => !isShown(method))).toEqual([]);
});

test('every example is of an RPC that there is', () => {
  const shown = commands.flatMap((text) => text.match(/[a-z]\w*(\.\w+)+\.[A-Z]\w+\/[A-Z]\w+/g) ?? []);
  expect(shown.length).toBeGreaterThanOrEqual(offered.length);
  expect(shown.filter((method) => !offered.includes(method))).toEqual([]);
});

test('every example shows what it prints', () => {
  const at = blocks.findIndex(({ kind }, i) => kind === 'sh run' && blocks[i + 1]?.kind !== 'text out');
  expect(blocks[at]?.line).toBeUndefined();
});
