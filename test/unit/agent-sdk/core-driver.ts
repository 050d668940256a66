/** Drives a SessionCore over virtual time and plays the control plane's side of its links. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { News, Offer, Order } from '../../../src/agent-sdk/news.ts';
import { type SessionAction, SessionCore } from '../../../src/agent-sdk/session-core.ts';
import type { SessionPhase } from '../../../src/agent-sdk/session-phase.ts';
import { type Random, seededRandom } from '../../../src/core/random.ts';
import {
  type SessionRequest,
  type SessionResponse,
  SessionResponseSchema,
} from '../../../src/gen/opaque/session_pb.ts';
import { ResultVerdict, StopReason } from '../../../src/gen/yardmaster/v1/dispatch_pb.ts';
import { GoAwayReason } from '../../../src/gen/yardmaster/v1/session_response_pb.ts';

export const RUN = '01k0000000000000000000000a';
export const attemptId = (name: string, number = 1): string => `${RUN}/${name}#${number}`;

export interface AssignmentOptions {
  readonly capability?: string;
  readonly idempotent?: boolean;
  readonly timeoutMs?: number;
  readonly lossWindowMs?: number;
}

const offerOf = (slots: number): Offer => ({
  slots,
  labels: {},
  capabilities: [{ name: 'work', version: '', description: '', idempotent: false, concurrency: 0, labels: {} }],
});

export class CoreDriver {
  now = 1_000;
  readonly core: SessionCore;
  /** Everything that came out, with its time. */
  readonly log: { readonly at: number; readonly action: SessionAction }[] = [];

  #isReading = false;

  constructor(slots = 4, random: Random = seededRandom(7)) {
    const sdk = { name: 'test', version: '0', language: 'test' };
    const identity = { agentId: 'worker', instanceId: 'i1', place: '', sdk };
    this.core = new SessionCore({ identity, offer: offerOf(slots), random });
  }

  /** Connects: dial, Hello, Welcome. */
  connect(): this {
    this.core.start(this.now);
    this.flush();
    return this.welcome();
  }

  get link(): number {
    return this.opened.at(-1) ?? 0;
  }

  get opened(): number[] {
    return this.log.flatMap(({ action }) => (action.type === 'open' ? [action.link] : []));
  }

  /** Addresses that were dialled, in order; 'own' where none was given. */
  get dialled(): string[] {
    return this.log.flatMap(({ action }) => (action.type === 'open' ? [action.address ?? 'own'] : []));
  }

  get closed(): number[] {
    return this.log.flatMap(({ action }) => (action.type === 'close' ? [action.link] : []));
  }

  get phases(): SessionPhase[] {
    return this.log.flatMap(({ action }) => (action.type === 'phase' ? [action.phase] : []));
  }

  get orders(): Order[] {
    return this.log.flatMap(({ action }) => (action.type === 'order' ? [action.order] : []));
  }

  get starts(): string[] {
    return this.orders.flatMap((order) => (order.type === 'start' ? [order.attempt.attemptId] : []));
  }

  get stops(): string[] {
    return this.orders.flatMap((order) => (order.type === 'stop' ? [`${order.attemptId} ${order.cause}`] : []));
  }

  frames(link = this.link): SessionRequest['frame'][] {
    return this.log.flatMap(({ action }) =>
      action.type === 'send' && action.link === link ? [action.frame.frame] : [],
    );
  }

  results(link = this.link): string[] {
    return this.frames(link).flatMap((frame) =>
      frame.case === 'report' ? frame.value.results.map((r) => `${r.attemptId} ${r.result.case}`) : [],
    );
  }

  updates(link = this.link): string[] {
    return this.frames(link).flatMap((frame) =>
      frame.case === 'report' ? frame.value.updates.map((u) => `${u.attemptId} ${u.update.case}`) : [],
    );
  }

  /** Everything that `read` receives was there to be read at once: one turn. */
  inOneTurn(read: () => void): this {
    this.#isReading = true;
    read();
    this.#isReading = false;
    return this.flush();
  }

  flush(): this {
    if (this.#isReading) return this;
    for (const action of this.core.flush(this.now)) this.log.push({ at: this.now, action });
    return this;
  }

  /** Lets time pass, waking the core when it asked to be woken. */
  advance(ms: number): this {
    const until = this.now + ms;
    for (;;) {
      const nextAt = this.core.nextAt();
      if (nextAt > until) break;
      this.now = Math.max(this.now, nextAt);
      this.core.tick(this.now);
      this.flush();
    }
    this.now = until;
    return this;
  }

  receive(frame: SessionResponse['frame'], link = this.link): this {
    const response = create(SessionResponseSchema);
    response.frame = frame;
    this.core.receive(link, response, this.now);
    return this.flush();
  }

  welcome(lossWindowMs = 30_000): this {
    const value = {
      node: 'n1',
      protocolVersion: 1,
      beatInterval: durationFromMs(5_000),
      silenceLimit: durationFromMs(15_000),
      lossWindow: durationFromMs(lossWindowMs),
      acceptDeadline: durationFromMs(5_000),
    };
    return this.#receiveInit({ case: 'welcome', value });
  }

  assign(id: string, options: AssignmentOptions = {}): this {
    const { capability = 'work', idempotent = false, timeoutMs = 0, lossWindowMs = 0 } = options;
    const assignment = { attemptId: id, runId: RUN, capability, idempotent, timeoutMs, lossWindowMs, number: 1 };
    return this.#receiveInit({ case: 'dispatch', value: { assignments: [assignment] } });
  }

  stop(id: string, reason: StopReason = StopReason.CANCELLED): this {
    return this.#receiveInit({ case: 'dispatch', value: { stops: [{ attemptId: id, reason, graceMs: 0 }] } });
  }

  ackResult(id: string, verdict: ResultVerdict = ResultVerdict.ACCEPTED): this {
    return this.#receiveInit({ case: 'dispatch', value: { acks: { results: [{ attemptId: id, verdict }] } } });
  }

  /** Acks a beat of the link, the last one if it is not said. */
  ackBeat(number?: number): this {
    const beats = this.frames().flatMap((frame) => (frame.case === 'beat' ? [frame.value.number] : []));
    return this.#receiveInit({ case: 'dispatch', value: { acks: { beat: number ?? beats.at(-1) ?? 0 } } });
  }

  goAway(reason: GoAwayReason = GoAwayReason.SHUTDOWN, addresses: string[] = []): this {
    return this.#receiveInit({ case: 'goAway', value: { reason, addresses } });
  }

  tell(news: News): this {
    this.core.tell(news, this.now);
    return this;
  }

  accept(id: string): this {
    return this.tell({ type: 'accepted', attemptId: id }).flush();
  }

  complete(id: string): this {
    const output = { kind: 'value', bytes: Uint8Array.of(8, 0) } as const;
    return this.tell({ type: 'ended', attemptId: id, end: { type: 'completed', output } }).flush();
  }

  cut(link = this.link): this {
    this.core.linkEnded(link, { code: 'UNAVAILABLE', message: 'cut' }, this.now);
    return this.flush();
  }

  /** Waits for the next dial and welcomes it. */
  reconnect(): this {
    return this.reconnectUnanswered().welcome();
  }

  /** Waits for the next dial. */
  reconnectUnanswered(): this {
    const before = this.link;
    for (let i = 0; i < 100 && this.link === before; i++) this.advance(200);
    return this;
  }

  #receiveInit(frame: NonNullable<MessageInitShape<typeof SessionResponseSchema>['frame']>): this {
    // Whole, or an init of the same shape: `create` takes both.
    return this.receive(
      create(SessionResponseSchema, { frame } as MessageInitShape<typeof SessionResponseSchema>).frame,
    );
  }
}
