import { create, toBinary } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';

/** Lists in lists, written by hand: our own encoder refuses them. */
export function deepValue(depth: number): Uint8Array {
  let bytes: Uint8Array = toBinary(ValueSchema, create(ValueSchema, { kind: { case: 'boolValue', value: true } }));
  for (let i = 0; i < depth; i++) {
    bytes = lengthPrefixed(0x32, lengthPrefixed(0x0a, bytes));
  }
  return bytes;
}

/** A field of bytes: its tag, its length, itself. */
export function lengthPrefixed(tag: number, bytes: Uint8Array): Buffer {
  const head = [tag];
  let size = bytes.length;
  while (size > 127) {
    head.push((size & 127) | 128);
    size >>>= 7;
  }
  return Buffer.concat([Buffer.from([...head, size]), bytes]);
}
