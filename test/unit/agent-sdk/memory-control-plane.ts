/** An in-memory control plane for an inline Agent: frames as objects, no socket; a test plays its part. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type {
  BlobUpload,
  CallAnswer,
  CallOrder,
  LinkEvents,
  LinkFactory,
  SessionLink,
} from '../../../src/agent-sdk/link.ts';
import type { BlobReference } from '../../../src/agent-sdk/news.ts';
import { YardmasterError } from '../../../src/core/errors.ts';
import { decodeValue, encodeValue } from '../../../src/core/value.ts';
import {
  type Assignment,
  AssignmentSchema,
  type AttemptResult,
  type AttemptUpdate,
  type SessionRequest,
  SessionResponseSchema,
} from '../../../src/gen/opaque/session_pb.ts';
import { StopReason } from '../../../src/gen/yardmaster/v1/dispatch_pb.ts';

export const RUN = '01k0000000000000000000000a';
type Frame = NonNullable<MessageInitShape<typeof SessionResponseSchema>['frame']>;

export class MemoryControlPlane implements LinkFactory {
  readonly frames: SessionRequest['frame'][] = [];
  readonly blobs = new Map<string, Uint8Array>();
  /** Errors that the next uploads fail with. */
  readonly uploadErrors: YardmasterError[] = [];
  /** What handlers asked of other agents, and what they are answered, in order; with none they hear UNAVAILABLE. */
  readonly calls: CallOrder[] = [];
  readonly callAnswers: (CallAnswer | Error)[] = [];
  /** Says no to every Hello with this. */
  refusal:
    | { readonly code: 'UNAUTHENTICATED' | 'UNAVAILABLE'; readonly message: string; readonly reason: string }
    | undefined;
  isClosed = false;
  #events: LinkEvents | undefined;
  #waiting: { readonly until: () => boolean; readonly resolve: () => void }[] = [];
  #count = 0;

  open(_address: string | undefined, events: LinkEvents): SessionLink {
    this.#events = events;
    let isOver = false;
    return {
      send: (frame) => this.#take(frame, events),
      close: () => {
        if (isOver) return;
        isOver = true;
        setImmediate(() => events.onEnd({ code: 'OK', message: '' }));
      },
    };
  }

  async upload({ bytes }: BlobUpload): Promise<BlobReference> {
    const error = this.uploadErrors.shift();
    if (error !== undefined) throw error;
    const blobId = `b${this.blobs.size}`;
    this.blobs.set(blobId, bytes);
    return { blobId, size: bytes.length, sha256: new Uint8Array(32) };
  }

  async download(_runId: string, { blobId }: BlobReference): Promise<Uint8Array> {
    const bytes = this.blobs.get(blobId);
    if (bytes === undefined) throw new YardmasterError('NOT_FOUND', `Cannot find blob "${blobId}"`);
    return bytes;
  }

  async invoke(order: CallOrder): Promise<CallAnswer> {
    this.calls.push(order);
    const answer = this.callAnswers.shift();
    if (answer instanceof Error) throw answer;
    if (answer === undefined) throw new YardmasterError('UNAVAILABLE', 'Cannot call: nobody answers');
    return answer;
  }

  close(): void {
    this.isClosed = true;
  }

  get results(): AttemptResult[] {
    return this.frames.flatMap((frame) => (frame.case === 'report' ? frame.value.results : []));
  }

  /** An attempt that the agent has accepted. */
  async assigned(capability: string): Promise<string> {
    const id = this.assign(capability);
    const isOf = ({ attemptId, update }: AttemptUpdate): boolean => attemptId === id && update.case === 'accepted';
    await this.when(() => this.frames.some((frame) => frame.case === 'report' && frame.value.updates.some(isOf)));
    return id;
  }

  /** Assigns and waits for the result. */
  async run(capability: string, input: unknown = {}, more: Partial<Assignment> = {}): Promise<AttemptResult['result']> {
    const id = this.assign(capability, input, more);
    return (await this.resultOf(id)).result;
  }

  /** Assigns; answers the attempt's id. */
  assign(capability: string, input: unknown = {}, more: Partial<Assignment> = {}): string {
    const attemptId = `${RUN}/s${++this.#count}#1`;
    const assignment = create(AssignmentSchema, {
      attemptId,
      runId: RUN,
      workflow: 'flow',
      stepPath: `s${this.#count}`,
      capability,
      number: 1,
      tryNumber: 1,
      idempotencyKey: `key-${this.#count}`,
      input: { kind: { case: 'value', value: encodeValue(input) } },
    });
    this.send({ case: 'dispatch', value: { assignments: [Object.assign(assignment, more)] } });
    return attemptId;
  }

  stop(attemptId: string, reason: StopReason = StopReason.CANCELLED): void {
    this.send({ case: 'dispatch', value: { stops: [{ attemptId, reason, graceMs: 5_000 }] } });
  }

  async resultOf(attemptId: string): Promise<AttemptResult> {
    const find = (): AttemptResult | undefined => this.results.find((result) => result.attemptId === attemptId);
    await this.when(() => find() !== undefined);
    const result = find();
    if (result === undefined) throw new Error(`no result of ${attemptId}`);
    return result;
  }

  async when(until: () => boolean): Promise<void> {
    if (until()) return;
    await new Promise<void>((resolve) => this.#waiting.push({ until, resolve }));
  }

  send(frame: Frame): void {
    this.#events?.onFrame(create(SessionResponseSchema, { frame }));
  }

  #take({ frame }: SessionRequest, events: LinkEvents): void {
    this.frames.push(frame);
    if (frame.case === 'hello') setImmediate(() => this.#answer(events));
    if (frame.case === 'beat') this.send({ case: 'dispatch', value: { acks: { beat: frame.value.number } } });
    if (frame.case === 'report' && frame.value.results.length > 0) {
      const results = frame.value.results.map(({ attemptId }) => ({ attemptId, verdict: 1 as const }));
      setImmediate(() => this.send({ case: 'dispatch', value: { acks: { results } } }));
    }
    const ready = this.#waiting.filter(({ until }) => until());
    this.#waiting = this.#waiting.filter((waiter) => !ready.includes(waiter));
    for (const { resolve } of ready) resolve();
  }

  #answer(events: LinkEvents): void {
    if (this.refusal !== undefined) events.onEnd(this.refusal);
    else events.onFrame(create(SessionResponseSchema, { frame: { case: 'welcome', value: { node: 'memory' } } }));
  }
}

/** The output of a completed attempt; anything else as it is. */
export function outputOf(result: AttemptResult['result']): unknown {
  const kind = result.case === 'completed' ? result.value.output?.kind : undefined;
  return kind?.case === 'value' ? decodeValue(kind.value) : (kind ?? result);
}
