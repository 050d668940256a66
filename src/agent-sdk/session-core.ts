/**
 * One instance's side of the agent stream: dials, says Hello, beats, reports, stops what it must not go on with, and leaves.
 * PURE: time is handed in, randomness is injected, and what must happen outside comes out of `flush` as actions. The same code
 * runs in the SDK, in `TestMesh` and in the simulator.
 *
 * Invariants: 1. at most one link counts; frames of an older one are ignored from the Hello on a newer one; 2. no attempt
 * starts twice; 3. a result is sent until it is acknowledged; 4. a non-idempotent attempt is told to stop 0.9 of its loss
 * window after the agent SENT the last frame that was answered, so before the control plane gives the step away.
 */
import type { Random } from '../core/random.ts';
import type { Assignment, Dispatch, SessionRequest, SessionResponse } from '../gen/opaque/session_pb.ts';
import type { Acks, ChunkAck, Stop } from '../gen/yardmaster/v1/dispatch_pb.ts';
import type { GoAway, Welcome } from '../gen/yardmaster/v1/session_response_pb.ts';
import { DialTargets } from './dial-targets.ts';
import {
  makeBeat,
  makeGoodbye,
  makeHello,
  makeState,
  readGoAwayReason,
  readOrder,
  readRefused,
  readRules,
  readStopCause,
} from './frames.ts';
import { HeldAttempts } from './held-attempts.ts';
import type { LinkStatus } from './link.ts';
import type { Identity, News, Offer, Order, StopCause } from './news.ts';
import { reconnectDelayMs } from './reconnect.ts';
import { SessionLeave } from './session-leave.ts';
import { SessionOffer } from './session-offer.ts';
import type { SessionPhase } from './session-phase.ts';
import { StopWatch } from './stop-watch.ts';
import { StreamState } from './stream-state.ts';

export type SessionAction =
  /** Open a link under this number; `address` undefined: the agent's own. */
  | { readonly type: 'open'; readonly link: number; readonly address: string | undefined }
  | { readonly type: 'send'; readonly link: number; readonly frame: SessionRequest }
  | { readonly type: 'close'; readonly link: number }
  | { readonly type: 'order'; readonly order: Order }
  | { readonly type: 'phase'; readonly phase: SessionPhase };

export interface SessionCoreOptions {
  readonly identity: Identity;
  readonly offer: Offer;
  readonly random: Random;
}

const NEVER = Number.POSITIVE_INFINITY;
/** A connection that lasted this long was good: the next dial starts with the shortest delay again. */
const GOOD_CONNECTION_MS = 10_000;
/** A GoAway may spread reconnects over a window, but not for ever. */
const MOVE_WINDOW_MS_MAX = 60_000;

export class SessionCore {
  readonly #identity: Identity;
  readonly #random: Random;
  readonly #held = new HeldAttempts();
  readonly #offer: SessionOffer;
  readonly #leave = new SessionLeave();
  readonly #stopWatch: StopWatch;
  #actions: SessionAction[] = [];
  #stream: StreamState | undefined;
  /** The stream that a GoAway told us to leave; closed once the newer one is welcomed or lost. */
  #oldLink: number | undefined;
  #linkCount = 0;
  #tries = 0;
  #dialAt = NEVER;
  readonly #targets = new DialTargets();
  #ended = false;
  /** What the last `nextAt` answered: a tick much later than that means that this process stood still. */
  #expectedAt = NEVER;

  constructor({ identity, offer, random }: SessionCoreOptions) {
    this.#identity = identity;
    this.#random = random;
    this.#offer = new SessionOffer(offer);
    this.#stopWatch = new StopWatch(this.#held);
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  /** Attempts whose result is not acknowledged, running ones included. */
  get heldCount(): number {
    return this.#held.size;
  }

  /** Starts dialling; never gives up by itself. */
  start(now: number): void {
    this.#dialAt = now;
    this.tick(now);
  }

  /** Replaces what the instance offers. What runs of a capability that vanished may finish. */
  offer(offer: Offer): void {
    this.#offer.replace(offer);
  }

  /** Leaves: no new work; after `graceMs` what still runs is told to stop; then Goodbye. */
  leave(reason: string, graceMs: number, now: number): void {
    if (this.#ended || !this.#leave.begin(reason, graceMs, now)) return;
    this.#offer.drain();
    this.#phase({ state: 'DRAINING', held: this.#held.size });
  }

  /** Ends at once, without a Goodbye: for a process that must not wait. */
  end(reason: string): void {
    if (this.#ended) return;
    if (this.#stream !== undefined) this.#close(this.#stream.link);
    this.#closeOld();
    this.#stream = undefined;
    this.#dialAt = NEVER;
    this.#ended = true;
    this.#phase({ state: 'ENDED', reason });
  }

  /** The handlers' thread does not answer: reports what runs there as failed, and takes no new work until `recover`. */
  hang(silentMs: number, now: number): void {
    this.#offer.pause();
    const message = `Cannot go on: the thread of the handler did not answer for ${Math.round(silentMs / 1_000)} s`;
    for (const attempt of this.#held.unfinished()) {
      this.#stop(attempt.id, 'LOST', 0);
      this.#held.finish(attempt, { type: 'failed', code: 'HUNG', message, avoidThisAgent: true }, now);
    }
  }

  /** The handlers' thread answers again. */
  recover(): void {
    this.#offer.resume();
  }

  tell(news: News, now: number): void {
    this.#held.tell(news, now);
  }

  receive(link: number, response: SessionResponse, now: number): void {
    const stream = this.#stream;
    if (stream === undefined || stream.link !== link) return;
    stream.heardAt = now;
    const { frame } = response;
    if (frame.case === 'welcome') this.#welcome(stream, frame.value, now);
    else if (frame.case === 'goAway') this.#goAway(frame.value, now);
    else if (frame.case === 'dispatch' && stream.rules !== undefined) this.#dispatch(stream, frame.value, now);
  }

  linkEnded(link: number, status: LinkStatus, now: number): void {
    if (link === this.#oldLink) this.#oldLink = undefined;
    if (link === this.#stream?.link) this.#lose(status, now);
  }

  /** Call when `nextAt` is reached; calling it earlier or later does no harm. */
  tick(now: number): void {
    if (this.#ended) return;
    const lateMs = Math.max(0, now - this.#expectedAt);
    this.#expectedAt = NEVER;
    for (const { id, cause } of this.#stopWatch.judge(now)) this.#stop(id, cause, 0);
    this.#watchStream(now, lateMs);
    if (this.#dialAt <= now) this.#dial(now);
    const beat = this.#stream?.takeBeat(now, this.#random);
    if (beat !== undefined) this.#send(makeBeat(beat, this.#load(), this.#held.digest()));
  }

  /** What must happen now, in order. Call it once at the end of a turn, and after `tick`. */
  flush(now: number): readonly SessionAction[] {
    const rules = this.#stream?.rules;
    if (rules !== undefined) {
      if (this.#stream?.revisionSent !== this.#offer.revision) this.#sendState();
      for (const frame of this.#held.takeReports(now, rules.frameBytesSoft).finish()) this.#send(frame);
    }
    this.#advanceLeave(now);
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }

  /** When `tick` and `flush` are needed next, by the caller's clock; Infinity when not. */
  nextAt(): number {
    if (this.#ended) return NEVER;
    const dueAt = this.#stream?.rules === undefined ? NEVER : this.#held.nextDueAt;
    const streamAt = this.#stream?.nextAt() ?? NEVER;
    this.#expectedAt = Math.min(this.#dialAt, streamAt, dueAt, this.#stopWatch.nextAt, this.#leave.nextAt);
    return this.#expectedAt;
  }

  // ---- the stream

  #dial(now: number): void {
    const link = ++this.#linkCount;
    if (this.#stream !== undefined) {
      this.#closeOld();
      this.#oldLink = this.#stream.link;
    }
    this.#actions.push({ type: 'open', link, address: this.#targets.current });
    this.#stream = new StreamState(link, now);
    this.#stream.revisionSent = this.#offer.revision;
    this.#send(makeHello(this.#identity, this.#offer.current, this.#held.list()));
    this.#dialAt = NEVER;
    this.#phase({ state: 'CONNECTING' });
  }

  #welcome(stream: StreamState, welcome: Welcome, now: number): void {
    if (stream.rules !== undefined) return;
    const rules = readRules(welcome);
    stream.begin(rules, now, this.#random);
    this.#stopWatch.prove(stream.helloAt, rules.lossWindowMs);
    this.#held.resendAll(now);
    this.#closeOld();
    this.#targets.reached();
    const { node, inlineValueBytesMax, blobBytesMax } = rules;
    this.#phase({ state: 'CONNECTED', node, inlineValueBytesMax, blobBytesMax });
  }

  #goAway(goAway: GoAway, now: number): void {
    const { message } = goAway;
    const reason = readGoAwayReason(goAway.reason);
    if (reason === 'REPLACED' || reason === 'DRAINED') {
      for (const attempt of this.#held.unfinished()) this.#stop(attempt.id, 'LOST', 0);
      this.end(message === '' ? reason : `${reason}: ${message}`);
      return;
    }
    const ignored = this.#targets.replace(goAway.addresses);
    this.#phase({ state: 'MOVING', reason, message, address: this.#targets.current, ignored });
    this.#dialAt = now + this.#random.next() * Math.min(goAway.reconnectWithinMs, MOVE_WINDOW_MS_MAX);
  }

  #watchStream(now: number, lateMs: number): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    stream.stretch(lateMs, now);
    const silence = stream.silence(now);
    if (silence === undefined) return;
    this.#close(stream.link);
    this.#lose({ code: 'UNAVAILABLE', message: silence }, now);
  }

  #lose(status: LinkStatus, now: number): void {
    const connectedAt = this.#stream?.rules === undefined ? NEVER : this.#stream.helloAt;
    if (now - connectedAt >= GOOD_CONNECTION_MS) this.#tries = 0;
    // The stream that it was told to leave is kept until every address has failed, its own included: its end counts as a loss.
    if (connectedAt < NEVER || !this.#targets.hasAnother) this.#closeOld();
    if (connectedAt === NEVER) this.#targets.failed();
    this.#stream = undefined;
    if (this.#ended) return;
    const delayMs = reconnectDelayMs(this.#tries++, status, this.#random);
    this.#dialAt = now + delayMs;
    this.#phase({ state: 'WAITING', delayMs, status });
  }

  #sendState(): void {
    if (this.#stream === undefined) return;
    this.#stream.revisionSent = this.#offer.revision;
    this.#send(makeState(this.#offer.current));
  }

  #load(): number {
    const slots = this.#offer.slots;
    return slots === 0 ? 1 : Math.min(1, this.#held.running / slots);
  }

  // ---- work

  #dispatch(stream: StreamState, dispatch: Dispatch, now: number): void {
    if (dispatch.acks !== undefined) this.#ack(stream, dispatch.acks);
    for (const stop of dispatch.stops) this.#obey(stop, now);
    for (const assignment of dispatch.assignments) this.#assign(stream, assignment, now);
  }

  #ack(stream: StreamState, acks: Acks): void {
    const sentAt = stream.ackBeat(acks.beat);
    if (sentAt !== undefined && stream.rules !== undefined) this.#stopWatch.prove(sentAt, stream.rules.lossWindowMs);
    for (const ack of acks.chunks) this.#written(ack);
    for (const { attemptId } of acks.results) this.#held.settle(attemptId);
    const refused = readRefused(acks);
    if (refused.length > 0) this.#phase({ state: 'REFUSED', capabilities: refused });
  }

  #written(ack: ChunkAck): void {
    const order = this.#held.takeChunkAck(ack);
    if (order !== undefined) this.#actions.push({ type: 'order', order });
  }

  #obey({ attemptId, reason, graceMs }: Stop, now: number): void {
    const cause = readStopCause(reason);
    if (!this.#takeBack(attemptId, cause, now)) this.#stop(attemptId, cause, graceMs);
  }

  /**
   * What was read together with its stop, as after a standstill of this process, never starts: orders leave at the end of the turn,
   * when everything that was there to read has been read.
   */
  #takeBack(id: string, cause: StopCause, now: number): boolean {
    const attempt = this.#held.get(id);
    const index = this.#actions.findIndex(
      (action) => action.type === 'order' && action.order.type === 'start' && action.order.attempt.attemptId === id,
    );
    if (attempt === undefined || index === -1) return false;
    this.#actions.splice(index, 1);
    attempt.stopCause = cause;
    this.#held.finish(attempt, { type: 'cancelled' }, now);
    return true;
  }

  #assign(stream: StreamState, assignment: Assignment, now: number): void {
    const { attemptId: id, idempotent, lossWindowMs, timeoutMs } = assignment;
    if (this.#held.isRepeat(id, now)) return;
    const refusal = this.#offer.refuse(assignment.capability, this.#held);
    if (refusal !== undefined) {
      this.#held.reject(id, refusal.cause, refusal.message, now);
      return;
    }
    const attempt = this.#held.add({ id, idempotent, lossWindowMs, timeoutMs }, now);
    if (this.#stopWatch.isLost(attempt, now)) {
      // It lay on its way for so long that another agent may have the step by now.
      this.#held.finish(attempt, { type: 'handedBack', reason: 'CONTACT_LOST' }, now);
      stream.beatSoon(now);
      return;
    }
    this.#stopWatch.watch(attempt);
    if (!idempotent) stream.beatWithin(lossWindowMs, now);
    this.#actions.push({ type: 'order', order: { type: 'start', attempt: readOrder(assignment) } });
  }

  /** Tells the handler once per cause; an attempt that is finished or unknown needs nothing. */
  #stop(id: string, cause: StopCause, graceMs: number): void {
    const attempt = this.#held.get(id);
    if (attempt === undefined || attempt.result !== undefined || attempt.stopCause === cause) return;
    attempt.stopCause = cause;
    this.#actions.push({ type: 'order', order: { type: 'stop', attemptId: id, cause, graceMs } });
  }

  // ---- leaving

  #advanceLeave(now: number): void {
    if (this.#ended) return;
    const step = this.#leave.advance(now, this.#held.size);
    if (step === 'HAND_BACK') for (const attempt of this.#held.unfinished()) this.#stop(attempt.id, 'DRAINING', 0);
    if (step !== 'GO') return;
    if (this.#stream?.rules !== undefined) this.#send(makeGoodbye(this.#leave.reason));
    this.end(this.#leave.reason);
  }

  // ---- actions

  #send(frame: SessionRequest): void {
    if (this.#stream !== undefined) this.#actions.push({ type: 'send', link: this.#stream.link, frame });
  }

  #close(link: number): void {
    this.#actions.push({ type: 'close', link });
  }

  #closeOld(): void {
    if (this.#oldLink !== undefined) this.#close(this.#oldLink);
    this.#oldLink = undefined;
  }

  #phase(phase: SessionPhase): void {
    this.#actions.push({ type: 'phase', phase });
  }
}
