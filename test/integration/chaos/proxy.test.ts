/** The wire of the failure tests: real sockets on both sides, time by hand. */
import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../chaos/proxy/fault.ts';
import { FaultProxy } from '../../chaos/proxy/fault-proxy.ts';
import { drawScript, playScript } from '../../chaos/proxy/script.ts';
import { eventually, HandClock } from '../transport/rig.ts';

/** What one side of a connection has heard. */
class End {
  readonly socket: Socket;
  text = '';
  hasEnded = false;
  error: string | undefined;
  isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.text += bytes.toString('latin1');
    });
    socket.on('end', () => {
      this.hasEnded = true;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error.code;
    });
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  say(text: string): void {
    this.socket.write(text);
  }
}

class Wire implements AsyncDisposable {
  readonly clock = new HandClock();
  readonly proxy: FaultProxy;
  private readonly server: Server;
  private readonly ends: End[] = [];
  private arrived: ((end: End) => void)[] = [];

  private constructor(server: Server, proxy: FaultProxy, clock: HandClock) {
    this.server = server;
    this.proxy = proxy;
    this.clock = clock;
    server.on('connection', (socket) => this.arrived.shift()?.(this.end(socket)));
  }

  static async open(): Promise<Wire> {
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const clock = new HandClock();
    const { port } = server.address() as AddressInfo;
    return new Wire(server, await FaultProxy.listen({ target: { port }, clock }), clock);
  }

  dial(): End {
    return this.end(createConnection({ port: this.proxy.port, host: '127.0.0.1', allowHalfOpen: true }));
  }

  /** The server's end of the next connection. */
  next(): Promise<End> {
    return new Promise((resolve) => this.arrived.push(resolve));
  }

  async pair(): Promise<{ readonly client: End; readonly server: End }> {
    const next = this.next();
    const client = this.dial();
    return { client, server: await next };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.ends) socket.destroy();
    await this.proxy[Symbol.asyncDispose]();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private end(socket: Socket): End {
    const end = new End(socket);
    this.ends.push(end);
    return end;
  }
}

describe('the proxy', () => {
  test('passes bytes both ways, and each end after them', async () => {
    await using wire = await Wire.open();
    const { client, server } = await wire.pair();
    client.say('ping');
    client.socket.end();
    await eventually(() => server.hasEnded);
    expect(server.text).toBe('ping');
    server.say('pong');
    server.socket.end();
    await eventually(() => client.hasEnded && client.isClosed);
    expect({ text: client.text, error: client.error }).toEqual({ text: 'pong', error: undefined });
    await eventually(() => wire.proxy.open === 0);
    expect(wire.proxy.passed).toEqual({ up: 4, down: 4 });
  });

  test('passes a reset on as a reset', async () => {
    await using wire = await Wire.open();
    const { client, server } = await wire.pair();
    server.socket.resetAndDestroy();
    await eventually(() => client.isClosed);
    expect(client.error).toBe('ECONNRESET');
  });

  test('resets who goes on writing to a process that is gone', async () => {
    await using wire = await Wire.open();
    const { client, server } = await wire.pair();
    server.say('last words');
    server.socket.end();
    await eventually(() => client.hasEnded);
    server.socket.destroy();
    // The first word is what the dead side answers with a reset, the second meets it.
    await eventually(() => {
      client.say('are you there?');
      return client.isClosed;
    });
    expect(client.text).toBe('last words');
    // A write that was on its way and a write after it meet the same reset under two names.
    expect(['ECONNRESET', 'EPIPE']).toContain(client.error);
  });

  test('resets who dials while nobody listens behind it', async () => {
    await using wire = await Wire.open();
    const nobody = await FaultProxy.listen({ target: { port: 1 } });
    const client = new End(createConnection({ port: nobody.port, host: '127.0.0.1' }));
    await eventually(() => client.isClosed);
    expect(client.error).toBe('ECONNRESET');
    await nobody[Symbol.asyncDispose]();
    expect(wire.proxy.accepted).toBe(0);
  });

  test('loses nothing of what a slow reader leaves, and slows the writer down', async () => {
    await using wire = await Wire.open();
    const { client, server } = await wire.pair();
    server.socket.pause();
    const chunk = 'x'.repeat(64 * 1024);
    for (let i = 0; i < 200; i++) client.say(chunk);
    await eventually(() => wire.proxy.passed.up > 0);
    expect(client.socket.writableLength).toBeGreaterThan(0);
    server.socket.resume();
    await eventually(() => server.text.length === 200 * chunk.length);
  });
});

describe('a fault', () => {
  test('delay: bytes and the end arrive so much later, in order', async () => {
    await using wire = await Wire.open();
    const { client, server } = await wire.pair();
    wire.proxy.begin({ kind: 'delay', ms: 300 });
    client.say('late');
    server.say('early');
    server.socket.end();
    // The clock moves only once the proxy has the bytes: its timer is there then.
    await eventually(() => wire.clock.waiting >= 2);
    wire.clock.advance(299);
    expect(wire.proxy.passed).toEqual({ up: 0, down: 0 });
    wire.clock.advance(1);
    await eventually(() => client.text === 'early' && server.text === 'late');
    // It may have reached the proxy after the bytes.
    await eventually(() => {
      wire.clock.advance(300);
      return client.hasEnded;
    });
  });

  test('throttle: so many bytes a second pass, whatever is written', async () => {
    await using wire = await Wire.open();
    const { client, server } = await wire.pair();
    wire.proxy.begin({ kind: 'throttle', bytesPerSecond: 1_000, direction: 'up' });
    client.say('x'.repeat(2_000));
    await eventually(() => wire.clock.waiting === 1);
    for (let ms = 0; ms < 1_000; ms += 50) wire.clock.advance(50);
    expect(wire.proxy.passed.up).toBe(1_050);
    for (let ms = 0; ms < 1_000; ms += 50) wire.clock.advance(50);
    await eventually(() => server.text.length === 2_000);
  });

  test('hold: one direction is a black hole, the other works, and everything arrives when it is over', async () => {
    await using wire = await Wire.open();
    const { client, server } = await wire.pair();
    const heal = wire.proxy.begin({ kind: 'hold', direction: 'up' });
    client.say('lost?');
    client.socket.end();
    server.say('still heard');
    await eventually(() => client.text === 'still heard');
    expect({ text: server.text, hasEnded: server.hasEnded }).toEqual({ text: '', hasEnded: false });
    heal();
    await eventually(() => server.hasEnded);
    expect(server.text).toBe('lost?');
  });

  test('hold: a process that dies behind it is not missed until it is over', async () => {
    await using wire = await Wire.open();
    const { client, server } = await wire.pair();
    client.say('hello');
    await eventually(() => server.text === 'hello');
    const heal = wire.proxy.begin({ kind: 'hold' });
    client.socket.resetAndDestroy();
    await eventually(() => client.isClosed);
    const { client: other, server: behind } = { client: wire.dial(), server: wire.next() };
    other.say('me too');
    expect({ hasEnded: server.hasEnded, isClosed: server.isClosed }).toEqual({ hasEnded: false, isClosed: false });
    heal();
    await eventually(() => server.isClosed);
    const end = await behind;
    await eventually(() => end.text === 'me too');
  });

  test('reset: both sides see their connection break, and the next one is let through', async () => {
    await using wire = await Wire.open();
    const { client, server } = await wire.pair();
    wire.proxy.begin({ kind: 'reset' });
    await eventually(() => client.isClosed && server.isClosed);
    expect([client.error, server.error]).toEqual(['ECONNRESET', 'ECONNRESET']);
    const next = await wire.pair();
    next.client.say('again');
    await eventually(() => next.server.text === 'again');
  });

  test('refuse: nobody comes through until it is over', async () => {
    await using wire = await Wire.open();
    const { client } = await wire.pair();
    const heal = wire.proxy.begin({ kind: 'refuse' });
    const refused = wire.dial();
    await eventually(() => client.isClosed && refused.isClosed);
    heal();
    const next = await wire.pair();
    next.client.say('at last');
    await eventually(() => next.server.text === 'at last');
  });

  test.each(['up', 'down'] as const)('halfClose %s: that direction ends, the other goes on', async (direction) => {
    await using wire = await Wire.open();
    const { client, server } = await wire.pair();
    const [speaker, hearer] = direction === 'up' ? [client, server] : [server, client];
    speaker.say('before');
    await eventually(() => hearer.text === 'before');
    wire.proxy.begin({ kind: 'halfClose', direction });
    await eventually(() => hearer.hasEnded);
    speaker.say('after');
    hearer.say('answer');
    await eventually(() => speaker.text === 'answer');
    expect({ text: hearer.text, hasEnded: speaker.hasEnded }).toEqual({ text: 'before', hasEnded: false });
  });

  test('cutAfter: every connection breaks once so many bytes have passed', async () => {
    await using wire = await Wire.open();
    const heal = wire.proxy.begin({ kind: 'cutAfter', bytes: 10, direction: 'up' });
    for (let i = 1; i <= 2; i++) {
      const { client, server } = await wire.pair();
      client.say('0123456789abc');
      await eventually(() => client.isClosed && server.isClosed);
      expect('0123456789'.startsWith(server.text)).toBe(true);
      expect(wire.proxy.passed.up).toBe(10 * i);
    }
    heal();
    const { client, server } = await wire.pair();
    client.say('0123456789abc');
    await eventually(() => server.text === '0123456789abc');
  });
});

describe('a script', () => {
  test('of a seed is the same every time, another of another seed, and has every kind of fault', () => {
    const shape = { ms: 10_000, faults: 200, faultMs: 2_000 };
    const script = drawScript(7, shape);
    expect(drawScript(7, shape)).toEqual(script);
    expect(drawScript(8, shape)).not.toEqual(script);
    const kinds: readonly Fault['kind'][] = ['cutAfter', 'delay', 'halfClose', 'hold', 'refuse', 'reset', 'throttle'];
    expect([...new Set(script.map(({ fault }) => fault.kind))].sort()).toEqual(kinds);
    expect(script.every(({ at, for: ms }) => at >= 0 && at + ms <= shape.ms)).toBe(true);
  });

  test('begins and ends its faults on time', async () => {
    await using wire = await Wire.open();
    const { client, server } = await wire.pair();
    const played = playScript(wire.proxy, [{ at: 100, for: 50, fault: { kind: 'hold' } }], wire.clock);
    wire.clock.advance(100);
    await eventually(() => wire.clock.waiting === 1);
    client.say('held');
    server.say('held, too');
    wire.clock.advance(50);
    await played;
    await eventually(() => server.text === 'held' && client.text === 'held, too');
  });
});
