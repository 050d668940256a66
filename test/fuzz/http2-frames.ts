/** Frames of HTTP/2 written by hand: what no library sends. */
import { createConnection } from 'node:net';
import type { Dice } from '../sim/dice.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const [DATA, HEADERS, PRIORITY, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
];
const END_STREAM = 1;
const END_HEADERS = 4;
const MANY = 3_000;
/** A server that neither answers nor closes is left after this. */
const LINGER_MS = 300;

function h2(
  type: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
  flags = 0,
  length = payload.length,
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Literal, not indexed, not packed. */
function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(
    Object.entries(headers).map(([name, value]) => {
      const field = [name, value].map((text) =>
        Buffer.concat([Buffer.from([Math.min(126, text.length)]), Buffer.from(text.slice(0, 126))]),
      );
      return Buffer.concat([Buffer.from([0]), ...field]);
    }),
  );
}

const SESSION = headerBlock({
  ':method': 'POST',
  ':scheme': 'http',
  ':path': '/yardmaster.v1.AgentService/Session',
  ':authority': '127.0.0.1',
  'content-type': 'application/grpc',
  te: 'trailers',
});

/** Refused before any handler: by their type, and by their path. */
const OF_NO_TYPE = headerBlock({ ':method': 'POST', ':scheme': 'http', ':path': '/a/B', ':authority': '127.0.0.1' });
const OF_NO_METHOD = Buffer.concat([OF_NO_TYPE, headerBlock({ 'content-type': 'application/grpc', te: 'trailers' })]);

const settings = h2(SETTINGS, 0);
const open = (stream: number, flags = END_HEADERS): Buffer => h2(HEADERS, stream, SESSION, flags);
const many = (make: (i: number) => Buffer): Buffer => Buffer.concat(Array.from({ length: MANY }, (_, i) => make(i)));
const opensAndResets = (headers: Buffer, count: number): Buffer =>
  Buffer.concat(
    Array.from({ length: count }, (_, i) => [
      h2(HEADERS, 2 * i + 1, headers, END_HEADERS),
      h2(RESET, 2 * i + 1, Buffer.from([0, 0, 0, 8])),
    ]).flat(),
  );

export const attacks: Readonly<Record<string, (dice: Dice) => Buffer>> = {
  'rapid reset': () => opensAndResets(SESSION, MANY),
  'reset of no type': () => opensAndResets(OF_NO_TYPE, 20),
  'reset of no method': () => opensAndResets(OF_NO_METHOD, 20),
  'settings flood': () => many(() => settings),
  'ping flood': () => many(() => h2(PING, 0, Buffer.alloc(8))),
  'continuation flood': () =>
    Buffer.concat([open(1, 0), many(() => h2(CONTINUATION, 1, headerBlock({ 'x-a': 'y'.repeat(100) })))]),
  'empty data flood': () => Buffer.concat([open(1), many(() => h2(DATA, 1))]),
  'many streams': () => Buffer.concat(Array.from({ length: 500 }, (_, i) => open(2 * i + 1))),
  'many headers': () => {
    const headers = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`x-${i}`, 'y'.repeat(60)]));
    return h2(HEADERS, 1, Buffer.concat([SESSION, headerBlock(headers)]).subarray(0, 16_384), END_HEADERS);
  },
  'window overflow': () =>
    Buffer.concat([
      open(1),
      h2(WINDOW, 1, Buffer.from([0x7f, 0xff, 0xff, 0xff])),
      h2(WINDOW, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff])),
    ]),
  'window of zero': () => Buffer.concat([open(1), h2(WINDOW, 1, Buffer.alloc(4))]),
  'data on no stream': () => h2(DATA, 0, Buffer.from('x')),
  'data on an idle stream': () => h2(DATA, 99, Buffer.from('x')),
  'data after the end': () => Buffer.concat([open(1, END_HEADERS | END_STREAM), h2(DATA, 1, Buffer.from('x'))]),
  'an even stream': () => open(2),
  'push by the client': () => h2(PUSH, 1, Buffer.from([0, 0, 0, 2])),
  'depends on itself': () => Buffer.concat([open(1), h2(PRIORITY, 1, Buffer.from([0, 0, 0, 1, 1]))]),
  'goes away and goes on': () => Buffer.concat([h2(GOAWAY, 0, Buffer.alloc(8)), open(1)]),
  'a frame that is too long': () => h2(DATA, 1, Buffer.alloc(100), 0, 0xffffff),
  'headers that end early': () => h2(HEADERS, 1, SESSION.subarray(0, 20), END_HEADERS),
  'headers that are no headers': (dice) => h2(HEADERS, 1, Buffer.from(dice.random.bytes(200)), END_HEADERS),
  'settings that are none': () => h2(SETTINGS, 0, Buffer.from([0, 4, 0xff, 0xff, 0xff, 0xff, 0, 1])),
  'unknown kinds': (dice) => many((i) => h2(10 + (i % 200), 0, Buffer.from(dice.random.bytes(3)))),
  noise: (dice) => Buffer.from(dice.random.bytes(5_000)),
};

/** Sends the attack and hangs up once the server has answered with the end, or said all that it will. */
export function attack(port: number, name: string, dice: Dice): Promise<void> {
  const make = attacks[name];
  if (make === undefined) throw new RangeError(`there is no attack "${name}"`);
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.on('error', () => {}).resume();
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.write(Buffer.concat([PREFACE, settings, make(dice)]));
  });
}
