import { readFileSync } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { describe, expect, test } from 'vitest';

const { file: files } = fromBinary(FileDescriptorSetSchema, readFileSync('src/gen/reflection.binpb'));

describe('the reflection image', () => {
  test('holds the public packages and what they import, nothing internal', () => {
    const packages = new Set(files.map((file) => file.package));
    expect([...packages].sort()).toEqual([
      'google.protobuf',
      'google.rpc',
      'grpc.channelz.v1',
      'grpc.health.v1',
      'grpc.reflection.v1',
      'grpc.reflection.v1alpha',
      'yardmaster.v1',
    ]);
  });

  test('lists every import before the file that needs it', () => {
    const seen = new Set<string>();
    for (const file of files) {
      expect(file.dependency.filter((name) => !seen.has(name))).toEqual([]);
      seen.add(file.name);
    }
  });

  test('keeps the comment of every message of ours', () => {
    const ours = files.filter((file) => file.package === 'yardmaster.v1');
    const places = ours.flatMap((file) => file.messageType.map((_, index) => ({ file, path: `4,${index}` })));
    const silent = places.filter(({ file, path }) => {
      const location = file.sourceCodeInfo?.location.find((candidate) => candidate.path.join() === path);
      return (location?.leadingComments ?? '') === '';
    });
    expect(places.length).toBeGreaterThan(60);
    expect(silent).toEqual([]);
  });
});
