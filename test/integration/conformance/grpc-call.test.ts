/** A call of the kit that the other side resets while it is being answered. */
import { once } from 'node:events';
import { connect, createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { GrpcCall, OK } from '../../../src/conformance/grpc-call.ts';

test('a call whose stream is destroyed already can be answered, written to and ended, and nothing happens', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  // The server listens on TCP.
  const { port } = server.address() as AddressInfo;
  const client = connect(`http://127.0.0.1:${port}`);
  const request = client.request({ ':method': 'POST', ':path': '/any' }, { endStream: false });
  request.on('error', () => {});
  // The streams of a server can respond.
  const [stream, headers] = (await once(server, 'stream')) as [ServerHttp2Stream, Record<string, string>];
  const call = new GrpcCall(stream, headers);
  const ended = Promise.withResolvers<void>();
  call.listen({ onMessage: () => {}, onHalfClose: () => {}, onEnd: () => ended.resolve(), onGarbage: () => {} });
  stream.destroy();
  // `close` has not been told yet: this is the turn in which what was read asks for an answer.
  expect(call.isOver).toBe(true);
  expect(() => {
    call.answer();
    call.write(new Uint8Array([1]));
    call.end(OK);
  }).not.toThrow();
  expect(call.unreadBytes).toBe(0);
  await ended.promise;
  client.destroy();
  server.close();
});
