import { deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameMessage, MessageReader } from '../../../src/control-plane/transport/message-reader.ts';
import { YardmasterError } from '../../../src/core/errors.ts';

const BYTES_MAX = 1_000;

function readAll(chunks: readonly Buffer[], encoding = 'identity'): Buffer[] {
  const reader = new MessageReader({ encoding, bytesMax: BYTES_MAX });
  const messages: Buffer[] = [];
  for (const chunk of chunks) reader.read(chunk, (message) => messages.push(message));
  return messages;
}

function codeOf(read: () => unknown): string | undefined {
  try {
    read();
  } catch (error) {
    if (error instanceof YardmasterError) return error.code;
  }
  return undefined;
}

function packed(bytes: Buffer): Buffer {
  const framed = frameMessage(bytes);
  framed[0] = 1;
  return framed;
}

describe('the messages of a stream', () => {
  it('come out as they were written, however the wire cuts them', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
    const cuts = fc.array(fc.nat(400), { maxLength: 12 });
    fc.assert(
      fc.property(messages, cuts, (written, at) => {
        const wire = Buffer.concat(written.map(frameMessage));
        const ends = [...at.map((cut) => Math.min(cut, wire.length)), wire.length].sort((a, b) => a - b);
        const chunks = ends.map((end, i) => wire.subarray(ends[i - 1] ?? 0, end));
        expect(readAll(chunks).map((bytes) => [...bytes])).toEqual(written.map((bytes) => [...bytes]));
      }),
    );
  });

  it('do not keep the chunk of the socket alive', () => {
    const chunk = Buffer.alloc(100_000);
    frameMessage(Buffer.from('kept')).copy(chunk);
    const [message] = readAll([chunk.subarray(0, 9)]);
    expect(message?.toString()).toBe('kept');
    expect(message?.buffer).not.toBe(chunk.buffer);
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ])('may be packed with %s', (encoding, pack) => {
    const wire = Buffer.concat([packed(pack('one')), frameMessage(Buffer.from('two')), packed(Buffer.alloc(0))]);
    expect(readAll([wire], encoding).map(String)).toEqual(['one', 'two', '']);
  });

  it('may have the longest length, and not one byte more', () => {
    expect(readAll([frameMessage(Buffer.alloc(BYTES_MAX))])).toHaveLength(1);
    expect(codeOf(() => readAll([frameMessage(Buffer.alloc(BYTES_MAX + 1))]))).toBe('RESOURCE_EXHAUSTED');
  });

  it('are refused by their length before they have come', () => {
    expect(codeOf(() => readAll([Buffer.from([0, 0xff, 0xff, 0xff, 0xff])]))).toBe('RESOURCE_EXHAUSTED');
  });

  it('are refused when they unpack to more than the longest length', () => {
    expect(readAll([packed(gzipSync(Buffer.alloc(BYTES_MAX)))], 'gzip')).toHaveLength(1);
    expect(codeOf(() => readAll([packed(gzipSync(Buffer.alloc(BYTES_MAX + 1)))], 'gzip'))).toBe('RESOURCE_EXHAUSTED');
  });

  it.each([
    ['a flag that is none', Buffer.from([2, 0, 0, 0, 0]), 'identity'],
    ['bytes that are not packed', packed(Buffer.from('plain')), 'gzip'],
    ['a packing without a name', packed(gzipSync('x')), 'identity'],
    ['a packing that we do not know', packed(gzipSync('x')), 'snappy'],
  ])('are refused for %s', (_what, wire, encoding) => {
    expect(codeOf(() => readAll([wire], encoding))).toBe('MALFORMED_FRAME');
  });
});
