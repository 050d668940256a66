/** gRPC messages inside the data of a stream: five bytes in front of each, and everything that can be wrong with those. */
import { gzipSync } from 'node:zlib';
import type { Dice } from '../sim/dice.ts';

export function frame(message: Buffer, { flag = 0, length = message.length } = {}): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

/** Made once: unpacks to more than any message may have. */
const BOMB = gzipSync(Buffer.alloc(64 * 1024 * 1024));

export function badFrame(message: Buffer, dice: Dice): Buffer {
  return dice.pick<() => Buffer>([
    () => frame(message, { length: message.length + dice.int(1, 1_000) }),
    () => frame(message, { length: Math.max(0, message.length - dice.int(1, 10)) }),
    () => frame(message, { length: 0xffffffff }),
    () => frame(message, { length: 4 * 1024 * 1024 + 1 }),
    () => frame(message, { flag: 1 }),
    () => frame(message, { flag: dice.int(2, 255) }),
    () => frame(gzipSync(message), { flag: 1 }),
    () => frame(BOMB, { flag: 1 }),
    () => frame(message).subarray(0, dice.int(0, 5)),
    () => Buffer.concat(Array.from({ length: 2_000 }, () => frame(Buffer.alloc(0)))),
    () => message,
  ])();
}

/** Headers beside the usual ones, or instead of them. */
export function oddHeaders(dice: Dice): Readonly<Record<string, string>> {
  return dice.pick<Readonly<Record<string, string>>>([
    { 'grpc-encoding': 'gzip' },
    { 'grpc-encoding': 'deflate' },
    { 'grpc-encoding': 'snappy' },
    { 'grpc-timeout': '0n' },
    { 'grpc-timeout': '-5S' },
    { 'grpc-timeout': '99999999H' },
    { 'grpc-timeout': 'soon' },
    { 'content-type': 'application/grpc+json' },
    { 'content-type': 'text/plain' },
    { 'content-type': '' },
    { ':method': 'GET' },
    { ':path': '/yardmaster.v1.AgentService/Nothing' },
    { ':path': '/' },
    { 'x-bin': '%%%' },
    { 'odd-bin': 'not base64 !' },
    { 'x-yardmaster-actor': '\u00e9'.repeat(200) },
    { 'x-large': 'x'.repeat(70_000) },
  ]);
}
