/** One stream of the agent, as the scripted control plane has it. What is done on it by itself is set in its `Manners`. */
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { durationFromMs, timestampNow } from '@bufbuild/protobuf/wkt';
import { limits } from '../core/limits.ts';
import { ChunkVerdict, ResultVerdict } from '../gen/yardmaster/v1/dispatch_pb.ts';
import type { Hello } from '../gen/yardmaster/v1/hello_pb.ts';
import type { Report } from '../gen/yardmaster/v1/report_pb.ts';
import { SessionRequestSchema } from '../gen/yardmaster/v1/session_request_pb.ts';
import {
  type SessionResponse,
  SessionResponseSchema,
  type WelcomeSchema,
} from '../gen/yardmaster/v1/session_response_pb.ts';
import { type CallStatus, codes, type GrpcCall, OK } from './grpc-call.ts';
import type { AgentFrame, Tape } from './tape.ts';

/** What a Welcome says. 0: it is left out. */
export interface Rules {
  readonly beatIntervalMs: number;
  readonly silenceLimitMs: number;
  readonly lossWindowMs: number;
  readonly acceptDeadlineMs: number;
  readonly inlineValueBytesMax: number;
  readonly blobBytesMax: number;
}

/** What the control plane of a situation does without being told. */
export interface Manners {
  rules: Rules;
  /** Answers Hello with Welcome. */
  welcomes: boolean;
  /** The status that new streams end with at their Hello, if any. */
  refusal: CallStatus | undefined;
  acksBeats: boolean;
  acksResults: boolean;
  /** Says of every chunk that it is stored. */
  acksChunks: boolean;
}

export type FrameInit = NonNullable<MessageInitShape<typeof SessionResponseSchema>['frame']>;
export type StreamEnd = 'open' | 'half-closed' | 'ended';

export class AgentStream {
  readonly number: number;
  readonly call: GrpcCall;
  readonly openedAtMs: number;
  hello: Hello | undefined;
  helloAtMs = 0;
  welcomedAtMs: number | undefined;
  state: StreamEnd = 'open';
  endedAtMs: number | undefined;
  readonly #tape: Tape;
  readonly #manners: Manners;

  constructor(number: number, call: GrpcCall, tape: Tape, manners: Manners) {
    this.number = number;
    this.call = call;
    this.#tape = tape;
    this.#manners = manners;
    this.openedAtMs = tape.now();
    tape.note(number, 'the agent opened a stream');
    call.listen({
      onMessage: (bytes) => this.#take(bytes),
      onHalfClose: () => this.#halfClose(),
      onEnd: () => this.#end(),
      onGarbage: (fact) => tape.note(number, `UNREADABLE: ${fact}`),
    });
  }

  send(frame: FrameInit): void {
    this.sendMessage(create(SessionResponseSchema, { frame }));
  }

  sendMessage(message: SessionResponse): void {
    if (this.call.isOver) return;
    if (message.frame.case === 'welcome') this.welcomedAtMs = this.#tape.now();
    this.call.write(toBinary(SessionResponseSchema, message));
    this.#tape.sent(this.number, message.frame);
  }

  /** Bytes of a frame that the tape cannot know. */
  sendBytes(bytes: Uint8Array): void {
    this.call.write(bytes);
    this.#tape.sent(this.number, { case: undefined });
  }

  welcome(): void {
    this.send({ case: 'welcome', value: welcomeOf(this.#manners.rules) });
  }

  end(status: CallStatus = OK): void {
    if (this.call.isOver) return;
    this.#tape.note(this.number, `the control plane ends the stream with status ${status.code}`);
    this.call.end(status);
  }

  #take(bytes: Uint8Array): void {
    let frame: AgentFrame;
    try {
      frame = fromBinary(SessionRequestSchema, bytes).frame;
    } catch (error) {
      this.#tape.note(this.number, `UNREADABLE: ${error instanceof Error ? error.message : String(error)}`);
      this.end({ code: codes.invalidArgument, message: 'the frame cannot be read' });
      return;
    }
    if (frame.case === 'hello' && this.hello === undefined) {
      this.hello = frame.value;
      this.helloAtMs = this.#tape.now();
    }
    this.#tape.received(this.number, frame);
    this.#answer(frame);
  }

  #answer(frame: AgentFrame): void {
    const { welcomes, refusal, acksBeats } = this.#manners;
    if (frame.case === 'hello') {
      if (refusal !== undefined) this.end(refusal);
      else if (welcomes && this.welcomedAtMs === undefined) this.welcome();
    } else if (frame.case === 'beat' && acksBeats) {
      this.send({ case: 'dispatch', value: { acks: { beat: frame.value.number } } });
    } else if (frame.case === 'report') this.#answerReport(frame.value);
  }

  #answerReport(report: Report): void {
    const { acksResults, acksChunks } = this.#manners;
    const results = acksResults
      ? report.results.map(({ attemptId }) => ({ attemptId, verdict: ResultVerdict.ACCEPTED }))
      : [];
    const stored = acksChunks ? lastChunks(report) : new Map<string, number>();
    if (results.length === 0 && stored.size === 0) return;
    const chunks = [...stored].map(([attemptId, number]) => ({
      attemptId,
      stored: number,
      verdict: ChunkVerdict.STORED,
    }));
    this.send({ case: 'dispatch', value: { acks: { results, chunks } } });
  }

  #halfClose(): void {
    if (this.state !== 'open') return;
    this.state = 'half-closed';
    this.#tape.note(this.number, 'the agent half-closed the stream');
    this.call.answer();
    this.call.end(OK);
  }

  #end(): void {
    this.endedAtMs = this.#tape.now();
    const isClean = this.state === 'half-closed';
    this.state = isClean ? 'half-closed' : 'ended';
    this.#tape.note(this.number, 'the stream is over');
  }
}

/** The number of the last chunk of each attempt in the report. */
function lastChunks({ updates }: Report): ReadonlyMap<string, number> {
  return new Map(
    updates.flatMap(({ attemptId, update }) => (update.case === 'chunk' ? [[attemptId, update.value.number]] : [])),
  );
}

function welcomeOf(rules: Rules): MessageInitShape<typeof WelcomeSchema> {
  const time = (ms: number) => (ms === 0 ? undefined : durationFromMs(ms));
  return {
    node: 'conformance',
    protocolVersion: 1,
    serverTime: timestampNow(),
    beatInterval: time(rules.beatIntervalMs),
    silenceLimit: time(rules.silenceLimitMs),
    lossWindow: time(rules.lossWindowMs),
    acceptDeadline: time(rules.acceptDeadlineMs),
    limits: {
      frameBytesMax: limits.frameBytesMax,
      frameBytesSoft: limits.frameBytesSoft,
      inlineValueBytesMax: rules.inlineValueBytesMax,
      blobBytesMax: rules.blobBytesMax,
      valueDepthMax: limits.valueDepthMax,
    },
  };
}
