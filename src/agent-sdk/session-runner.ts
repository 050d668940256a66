/** The shell around `SessionCore`: a clock, links, and one flush per turn of the event loop. */
import type { CancelTimer, Clock } from '../core/clock.ts';
import { toYardmasterError } from '../core/errors.ts';
import type { BlobUpload, CallAnswer, CallLink, LinkFactory, SessionLink } from './link.ts';
import type { BlobReference, News, Offer, Order } from './news.ts';
import type { Session, SessionEvents } from './session.ts';
import { type SessionAction, SessionCore, type SessionCoreOptions } from './session-core.ts';
import type { SessionPhase } from './session-phase.ts';

export interface SessionRunnerOptions extends SessionCoreOptions {
  readonly clock: Clock;
  readonly links: LinkFactory;
  readonly events: SessionEvents;
}

export class SessionRunner implements Session {
  readonly #core: SessionCore;
  readonly #clock: Clock;
  readonly #links: LinkFactory;
  readonly #events: SessionEvents;
  readonly #open = new Map<number, SessionLink>();
  #isFlushDue = false;
  #armedAt = Number.POSITIVE_INFINITY;
  #cancelTimer: CancelTimer | undefined;
  /** Told only when every link is closed, so that a Goodbye has left before anyone ends the process. */
  #lastPhase: SessionPhase | undefined;

  constructor({ clock, links, events, ...core }: SessionRunnerOptions) {
    this.#core = new SessionCore(core);
    this.#clock = clock;
    this.#links = links;
    this.#events = events;
  }

  start(): void {
    this.#core.start(this.#clock.monotonic());
    this.#flushSoon();
  }

  tell(news: News): void {
    this.#core.tell(news, this.#clock.monotonic());
    this.#flushSoon();
  }

  offer(offer: Offer): void {
    this.#core.offer(offer);
    this.#flushSoon();
  }

  leave(reason: string, graceMs: number): void {
    this.#core.leave(reason, graceMs, this.#clock.monotonic());
    this.#flushSoon();
  }

  end(reason: string): void {
    this.#core.end(reason);
    this.#flushSoon();
  }

  hang(silentMs: number): void {
    this.#core.hang(silentMs, this.#clock.monotonic());
    this.#flushSoon();
  }

  recover(): void {
    this.#core.recover();
    this.#flushSoon();
  }

  upload(upload: BlobUpload, signal: AbortSignal): Promise<BlobReference> {
    return this.#links.upload(upload, signal);
  }

  download(runId: string, blob: BlobReference, signal: AbortSignal): Promise<Uint8Array> {
    return this.#links.download(runId, blob, signal);
  }

  invoke(...call: Parameters<CallLink['invoke']>): Promise<CallAnswer> {
    return this.#links.invoke(...call);
  }

  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.#clock.turn(() => this.#flush());
  }

  #flush(): void {
    this.#isFlushDue = false;
    const orders: Order[] = [];
    for (const action of this.#core.flush(this.#clock.monotonic())) this.#perform(action, orders);
    if (orders.length > 0) this.#events.onOrders(orders);
    this.#arm();
    this.#finish();
  }

  #finish(): void {
    if (this.#lastPhase === undefined || this.#open.size > 0) return;
    this.#links.close();
    this.#events.onPhase(this.#lastPhase);
    this.#lastPhase = undefined;
  }

  #perform(action: SessionAction, orders: Order[]): void {
    switch (action.type) {
      case 'open':
        return this.#dial(action.link, action.address);
      case 'send':
        return this.#open.get(action.link)?.send(action.frame);
      case 'close':
        return this.#open.get(action.link)?.close();
      case 'order':
        orders.push(action.order);
        return;
      case 'phase':
        if (action.phase.state === 'ENDED') this.#lastPhase = action.phase;
        else this.#events.onPhase(action.phase);
        return;
    }
  }

  #dial(link: number, address: string | undefined): void {
    const events = {
      onFrame: (frame: Parameters<SessionCore['receive']>[1]): void => {
        this.#core.receive(link, frame, this.#clock.monotonic());
        this.#flushSoon();
      },
      onEnd: (status: Parameters<SessionCore['linkEnded']>[1]): void => {
        this.#open.delete(link);
        this.#core.linkEnded(link, status, this.#clock.monotonic());
        this.#flushSoon();
      },
    };
    try {
      this.#open.set(link, this.#links.open(address, events));
    } catch (error) {
      const { message } = toYardmasterError(error);
      this.#clock.turn(() => events.onEnd({ code: 'UNAVAILABLE', message }));
    }
  }

  /** A timer that fires too early does no harm, so an earlier one is left alone. */
  #arm(): void {
    const nextAt = this.#core.nextAt();
    if (this.#core.isEnded) this.#cancelTimer?.();
    if (nextAt >= this.#armedAt) return;
    this.#cancelTimer?.();
    this.#armedAt = nextAt;
    this.#cancelTimer = this.#clock.timer(nextAt - this.#clock.monotonic(), () => this.#wake());
  }

  #wake(): void {
    this.#armedAt = Number.POSITIVE_INFINITY;
    this.#cancelTimer = undefined;
    this.#core.tick(this.#clock.monotonic());
    this.#flush();
  }
}
