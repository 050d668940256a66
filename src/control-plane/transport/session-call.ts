/**
 * A call of AgentService.Session, accepted by grpc-js, with its messages read from and written to the HTTP/2 stream itself.
 *
 * grpc-js keeps headers, status, cancellation and deadline. Its queue of messages is left out, because it pauses and
 * resumes the stream for each one, which with a thousand idle agents is a third of their price (ADR 13).
 */
import { EventEmitter } from 'node:events';
import type { ServerHttp2Stream } from 'node:http2';
import {
  Metadata,
  type Server,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import { limits } from '../../core/limits.ts';
import { toServiceError } from './grpc-status.ts';
import { endsWithinMessage, frameMessage, MessageReader } from './message-reader.ts';

export const SESSION_PATH = '/yardmaster.v1.AgentService/Session';

/** Events: `data` (a message), `malformed` (an error), `end` (the other side wrote its last), `drain`, `close` (last, always). */
export interface SessionCall extends EventEmitter {
  getPeer(): string;
  /** False: nothing more before `drain`. `onSent` when the message has left our buffers. */
  write(message: Uint8Array, onSent: () => void): boolean;
  /** Ends the call after what was written. */
  end(error?: Error): void;
  /** False: what the other side writes stays with it, once the window of the stream is full. */
  setReading(isReading: boolean): void;
}

const same = (bytes: Buffer): Buffer => bytes;
const definition: ServiceDefinition = {
  session: {
    path: SESSION_PATH,
    requestStream: true,
    responseStream: true,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  },
};

/** Makes the method known; its calls go to `interceptSessions` and never to a handler. */
export function mountSession(server: Server): void {
  server.addService(definition, { session: () => {} });
}

export function interceptSessions(accept: (call: SessionCall) => void): ServerInterceptor {
  return (method, call) => {
    if (method.path !== SESSION_PATH) return call as ServerInterceptingCall;
    // `start` does not go on to grpc-js's own stream.
    return new ServerInterceptingCall(call, { start: () => new GrpcSessionCall(call).start(accept) });
  };
}

type InterceptedCall = Parameters<ServerInterceptor>[1];

class GrpcSessionCall extends EventEmitter implements SessionCall {
  private readonly call: InterceptedCall;
  private readonly stream: ServerHttp2Stream;
  private readonly tracker: CallTracker | undefined;
  private reader: MessageReader | undefined;
  private hasEnded = false;

  constructor(call: InterceptedCall) {
    super();
    this.call = call;
    this.stream = streamOf(call);
    this.tracker = trackerOf(call);
  }

  start(accept: (call: SessionCall) => void): void {
    this.call.start({
      onReceiveMetadata: () => this.open(accept),
      onReceiveMessage: () => {},
      onReceiveHalfClose: () => this.finishReading(),
      onCancel: () => {},
    });
  }

  getPeer(): string {
    return this.call.getPeer();
  }

  write(message: Uint8Array, onSent: () => void): boolean {
    this.tracker?.addMessageSent();
    return this.stream.write(frameMessage(message), onSent);
  }

  end(error?: Error): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.call.sendStatus(
      error === undefined ? { code: status.OK, details: '', metadata: null } : toServiceError(error),
    );
  }

  setReading(isReading: boolean): void {
    if (isReading) this.stream.resume();
    else this.stream.pause();
  }

  private open(accept: (call: SessionCall) => void): void {
    const { stream, call } = this;
    const encoding = String(Reflect.get(call, 'incomingEncoding'));
    const reader = new MessageReader({ encoding, bytesMax: limits.frameBytesMax });
    this.reader = reader;
    stream.removeAllListeners('data');
    stream.on('data', (chunk: Buffer) => this.read(reader, chunk));
    // `close` follows, and says enough.
    stream.on('error', () => {});
    stream.on('drain', () => this.emit('drain'));
    stream.once('close', () => this.emit('close'));
    // Clients that wait for headers before they write would wait for ever.
    call.sendMetadata(new Metadata());
    accept(this);
    call.startRead();
  }

  private read(reader: MessageReader, chunk: Buffer): void {
    if (this.hasEnded) return;
    try {
      reader.read(chunk, this.onMessage);
    } catch (error) {
      this.emit('malformed', error);
    }
  }

  private finishReading(): void {
    if (this.reader?.isWithinMessage) this.emit('malformed', endsWithinMessage());
    this.emit('end');
  }

  private readonly onMessage = (message: Buffer): void => {
    this.tracker?.addMessageReceived();
    this.emit('data', message);
  };
}

/** It has no public face; a version of grpc-js without it must not start. */
function streamOf(call: InterceptedCall): ServerHttp2Stream {
  const stream: unknown = Reflect.get(call, 'stream');
  if (stream instanceof EventEmitter && 'respond' in stream) return stream as ServerHttp2Stream;
  throw new TypeError('grpc-js keeps the HTTP/2 stream of a call elsewhere');
}

/** Counts for channelz, which otherwise grpc-js does with the messages that it reads and writes. */
interface CallTracker {
  addMessageSent(): void;
  addMessageReceived(): void;
}

/** Undefined while channelz is off. */
function trackerOf(call: InterceptedCall): CallTracker | undefined {
  const tracker: unknown = Reflect.get(call, 'callEventTracker');
  const isTracker = tracker instanceof Object && 'addMessageSent' in tracker && 'addMessageReceived' in tracker;
  // What it has was looked at.
  return isTracker ? (tracker as CallTracker) : undefined;
}
