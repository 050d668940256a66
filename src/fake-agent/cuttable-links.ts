/** Links of an agent that loses its connection when it is told to: as after a crash, without a Goodbye. */
import type {
  BlobLink,
  BlobReference,
  BlobUpload,
  LinkEvents,
  LinkFactory,
  LinkStatus,
  SessionLink,
} from '../agent-sdk/index.ts';
import { type Clock, systemClock } from '../core/clock.ts';

const CUT: LinkStatus = { code: 'UNAVAILABLE', message: 'cut by the script' };

export class CuttableLinks implements LinkFactory {
  readonly #inner: LinkFactory;
  readonly #clock: Clock;
  readonly #open = new Set<() => void>();
  #awayUntil = 0;

  constructor(inner: LinkFactory, clock: Clock = systemClock) {
    this.#inner = inner;
    this.#clock = clock;
  }

  /** Ends every stream; new ones are refused for `awayMs`. */
  cut(awayMs: number): void {
    this.#awayUntil = this.#clock.monotonic() + awayMs;
    for (const end of [...this.#open]) end();
  }

  open(address: string | undefined, events: LinkEvents): SessionLink {
    if (this.#clock.monotonic() < this.#awayUntil) {
      // Nothing is called before `open` returns.
      this.#clock.turn(() => events.onEnd(CUT));
      return { send: () => {}, close: () => {} };
    }
    let isOver = false;
    const finish = (status: LinkStatus): void => {
      if (isOver) return;
      isOver = true;
      this.#open.delete(end);
      events.onEnd(status);
    };
    const link = this.#inner.open(address, {
      onFrame: (frame) => {
        if (!isOver) events.onFrame(frame);
      },
      onEnd: finish,
    });
    const end = (): void => {
      link.close();
      finish(CUT);
    };
    this.#open.add(end);
    return link;
  }

  upload(upload: BlobUpload, signal: AbortSignal): Promise<BlobReference> {
    return this.#inner.upload(upload, signal);
  }

  download(...args: Parameters<BlobLink['download']>): ReturnType<BlobLink['download']> {
    return this.#inner.download(...args);
  }

  invoke(...args: Parameters<LinkFactory['invoke']>): ReturnType<LinkFactory['invoke']> {
    return this.#inner.invoke(...args);
  }

  close(): void {
    this.#inner.close();
  }
}
