/** Links with faults on demand, around links of any kind: cut, held, slow, or dead with their process. */
import type {
  BlobLink,
  BlobReference,
  BlobUpload,
  CallAnswer,
  CallLink,
  LinkEvents,
  LinkFactory,
  LinkStatus,
  SessionLink,
} from '../agent-sdk/index.ts';
import type { Clock } from '../core/clock.ts';
import type { SessionRequest, SessionResponse } from '../gen/opaque/session_pb.ts';
import { Lane } from './lane.ts';

/** What the agent gets of a frame; undefined: nothing. */
export type FrameFilter = (frame: SessionResponse) => SessionResponse | undefined;

export class FaultyLinks implements LinkFactory {
  readonly #inner: LinkFactory;
  readonly #clock: Clock;
  readonly #filter: FrameFilter;
  readonly #open = new Set<FaultyLink>();
  /** Aborts when the process dies: its connections are reset. */
  readonly #life = new AbortController();
  #isCut = false;
  #isHeld = false;
  #isDead = false;
  #delayMs = 0;

  constructor(inner: LinkFactory, clock: Clock, filter: FrameFilter) {
    this.#inner = inner;
    this.#clock = clock;
    this.#filter = filter;
  }

  open(address: string | undefined, events: LinkEvents): SessionLink {
    const link = new FaultyLink(this.#clock, this.#filter, events, () => this.#open.delete(link));
    link.setDelay(this.#delayMs);
    if (this.#isHeld) link.hold();
    if (this.#isDead) link.die();
    else if (this.#isCut) link.refuse();
    else {
      this.#open.add(link);
      link.attach(this.#inner.open(address, link.events));
    }
    return link;
  }

  upload(upload: BlobUpload, signal: AbortSignal): Promise<BlobReference> {
    return this.#blobs().upload(upload, signal);
  }

  download(runId: string, blob: BlobReference, signal: AbortSignal): Promise<Uint8Array> {
    return this.#blobs().download(runId, blob, signal);
  }

  invoke(...[order, onProgress, signal]: Parameters<CallLink['invoke']>): Promise<CallAnswer> {
    if (this.#isDead) return new Promise(() => {});
    const reset = AbortSignal.any([signal, this.#life.signal]);
    return new Promise((resolve, reject) => {
      // What is dead never hears of it.
      const unlessDead = (settle: () => void) => (): void => (this.#isDead ? undefined : settle());
      this.#inner.invoke(order, onProgress, reset).then(
        (answer) => unlessDead(() => resolve(answer))(),
        (error) => unlessDead(() => reject(error))(),
      );
    });
  }

  close(): void {
    this.#inner.close();
  }

  /** Both ends see their streams end; no new one opens until `mend`. */
  cut(): void {
    this.#isCut = true;
    for (const link of [...this.#open]) link.cut();
  }

  mend(): void {
    this.#isCut = false;
  }

  /** Half open: the streams stand, and nothing arrives on either side until `release`. */
  hold(): void {
    this.#isHeld = true;
    for (const link of this.#open) link.hold();
  }

  release(): void {
    this.#isHeld = false;
    for (const link of this.#open) link.release();
  }

  delay(ms: number): void {
    this.#delayMs = ms;
    for (const link of this.#open) link.setDelay(ms);
  }

  /** As kill -9 of the process: the control plane sees the stream end, and the session never hears anything again. */
  die(): void {
    this.#isDead = true;
    this.#life.abort();
    for (const link of [...this.#open]) link.die();
  }

  #blobs(): BlobLink {
    const never = (): Promise<never> => new Promise(() => {});
    return this.#isDead ? { upload: never, download: never } : this.#inner;
  }
}

class FaultyLink implements SessionLink {
  readonly events: LinkEvents;
  readonly #session: LinkEvents;
  readonly #out: Lane;
  readonly #in: Lane;
  readonly #onOver: () => void;
  #inner: SessionLink | undefined;
  #isOver = false;

  constructor(clock: Clock, filter: FrameFilter, session: LinkEvents, onOver: () => void) {
    this.#session = session;
    this.#out = new Lane(clock);
    this.#in = new Lane(clock);
    this.#onOver = onOver;
    this.events = {
      onFrame: (frame) => {
        const passed = filter(frame);
        if (passed !== undefined) this.#in.send(() => session.onFrame(passed));
      },
      onEnd: (status) => this.#in.send(() => this.#finish(status)),
    };
  }

  attach(inner: SessionLink): void {
    this.#inner = inner;
  }

  send(frame: SessionRequest): void {
    this.#out.send(() => this.#inner?.send(frame));
  }

  close(): void {
    this.#out.send(() => this.#inner?.close());
  }

  setDelay(ms: number): void {
    this.#out.delayMs = ms;
    this.#in.delayMs = ms;
  }

  hold(): void {
    this.#out.hold();
    this.#in.hold();
  }

  release(): void {
    this.#out.release();
    this.#in.release();
  }

  refuse(): void {
    this.release();
    this.#in.send(() => this.#finish({ code: 'UNAVAILABLE', message: 'the link is cut' }));
  }

  cut(): void {
    this.#out.close();
    this.#inner?.close();
    this.#inner = undefined;
    this.refuse();
  }

  die(): void {
    this.#isOver = true;
    this.#out.close();
    this.#in.close();
    this.#inner?.close();
    this.#onOver();
  }

  #finish(status: LinkStatus): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#in.close();
    this.#out.close();
    this.#onOver();
    this.#session.onEnd(status);
  }
}
