/** Links of a good agent that somebody tampers with: how a bad agent looks from outside, one planted bug at a time. */
import { createGrpcLinks } from '../../../src/agent-sdk/grpc-link.ts';
import type {
  BlobLink,
  BlobReference,
  BlobUpload,
  LinkEvents,
  LinkFactory,
  LinkStatus,
  SessionLink,
} from '../../../src/agent-sdk/index.ts';
import type { SessionRequest, SessionResponse } from '../../../src/gen/opaque/session_pb.ts';

/** What is done to the frames of one agent; each function gets the number of the stream, from 1. */
export interface Tampering {
  /** The frames that go out in place of one. Default: the frame itself. */
  readonly outgoing?: (frame: SessionRequest, stream: number) => readonly SessionRequest[];
  /** What the agent hears in place of a frame; undefined: nothing. */
  readonly incoming?: (frame: SessionResponse, stream: number) => SessionResponse | undefined;
  readonly ended?: (status: LinkStatus) => LinkStatus;
  /** Frames for the older stream when a newer one is opened. */
  readonly afterMove?: () => readonly SessionRequest[];
}

export class TamperedLinks implements LinkFactory {
  readonly #inner: LinkFactory;
  readonly #tampering: Tampering;
  readonly #open: SessionLink[] = [];
  #isDead = false;
  #count = 0;

  constructor(url: string, tampering: Tampering) {
    this.#inner = createGrpcLinks({ url });
    this.#tampering = tampering;
  }

  /** As a killed process: nothing goes out any more. */
  die(): void {
    this.#isDead = true;
    for (const link of this.#open) link.close();
    this.#inner.close();
  }

  open(address: string | undefined, events: LinkEvents): SessionLink {
    if (this.#isDead) return { send: () => {}, close: () => {} };
    const number = ++this.#count;
    const { outgoing, incoming, ended, afterMove } = this.#tampering;
    const old = this.#open.at(-1);
    const link = this.#inner.open(address, {
      onFrame: (frame) => {
        const heard = incoming === undefined ? frame : incoming(frame, number);
        if (heard !== undefined && !this.#isDead) events.onFrame(heard);
      },
      onEnd: (status) => {
        if (!this.#isDead) events.onEnd(ended === undefined ? status : ended(status));
      },
    });
    this.#open.push(link);
    return {
      send: (frame) => {
        if (this.#isDead) return;
        for (const sent of outgoing === undefined ? [frame] : outgoing(frame, number)) link.send(sent);
        if (frame.frame.case === 'hello') setTimeout(() => afterMove?.().forEach((late) => void old?.send(late)), 250);
      },
      close: () => link.close(),
    };
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
