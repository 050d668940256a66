/**
 * Streams between agents and a control plane in one process. What crosses is bytes, encoded and decoded as on the wire, one
 * turn of the event loop later.
 */
import type { BlobLink, CallLink, LinkEvents, LinkFactory, LinkStatus, SessionLink } from '../agent-sdk/index.ts';
import { decodeResponse, encodeRequest } from '../agent-sdk/wire.ts';
import type { OpenSession, SessionSink } from '../control-plane/api/agent-service.ts';
import type { Clock } from '../core/clock.ts';
import { findError } from '../core/error-catalogue.ts';
import { toYardmasterError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { SessionRequest } from '../gen/opaque/session_pb.ts';
import { Lane } from './lane.ts';

/** A control plane as its agents reach it. */
export interface MemoryEndpoint {
  readonly openSession: OpenSession;
  readonly blobs: BlobLink;
  readonly calls: CallLink;
}

const GONE: LinkStatus = { code: 'UNAVAILABLE', message: 'the connection was reset' };
const REFUSED: LinkStatus = { code: 'UNAVAILABLE', message: 'no control plane is there' };

/** One address, at which a control plane is or is not. */
export class MemoryNetwork {
  readonly #clock: Clock;
  readonly #streams = new Set<MemoryStream>();
  #endpoint: MemoryEndpoint | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  serve(endpoint: MemoryEndpoint): void {
    this.#endpoint = endpoint;
  }

  /** The control plane is gone: agents see their connections reset, and it hears nothing any more. */
  crash(): void {
    this.#endpoint = undefined;
    for (const stream of [...this.#streams]) stream.reset();
  }

  /** `remote`: the agent's address as the control plane sees it. */
  connect(remote: string): LinkFactory {
    return {
      open: (_address, events) => {
        const stream = new MemoryStream(this.#clock, remote, events, () => this.#streams.delete(stream));
        this.#streams.add(stream);
        stream.open(this.#endpoint);
        return stream;
      },
      upload: async (upload, signal) => this.#served().blobs.upload(upload, signal),
      download: async (runId, blob, signal) => this.#served().blobs.download(runId, blob, signal),
      invoke: async (order, onProgress, signal) => this.#served().calls.invoke(order, onProgress, signal),
      close: () => {},
    };
  }

  #served(): MemoryEndpoint {
    if (this.#endpoint === undefined) throw toYardmasterError(new Error(REFUSED.message), 'UNAVAILABLE');
    return this.#endpoint;
  }
}

class MemoryStream implements SessionLink {
  readonly #toServer: Lane;
  readonly #toAgent: Lane;
  readonly #remote: string;
  readonly #events: LinkEvents;
  readonly #onOver: () => void;
  #sink: SessionSink | undefined;
  #queuedBytes = 0;
  #isOver = false;

  constructor(clock: Clock, remote: string, events: LinkEvents, onOver: () => void) {
    this.#toServer = new Lane(clock);
    this.#toAgent = new Lane(clock);
    this.#remote = remote;
    this.#events = events;
    this.#onOver = onOver;
  }

  open(endpoint: MemoryEndpoint | undefined): void {
    if (endpoint === undefined) this.#endAgent(REFUSED);
    else
      this.#sink = endpoint.openSession({
        remote: this.#remote,
        write: (bytes) => this.#write(bytes),
        end: (error) => this.#endByServer(error),
        abandon: (last, error) => this.#abandon(last, error),
      });
  }

  send(frame: SessionRequest): void {
    const bytes = encodeRequest(frame);
    this.#toServer.send(() => this.#sink?.message(bytes));
  }

  close(): void {
    this.#toServer.send(() => {
      this.#endServer();
      this.#endAgent({ code: 'OK', message: '' });
    });
  }

  reset(): void {
    this.#sink = undefined;
    this.#toServer.close();
    this.#endAgent(GONE);
  }

  #write(bytes: Uint8Array): boolean {
    if (this.#queuedBytes + bytes.length > limits.streamQueueBytesMax) return false;
    this.#queuedBytes += bytes.length;
    this.#toAgent.send(() => {
      this.#queuedBytes -= bytes.length;
      if (!this.#isOver) this.#events.onFrame(decodeResponse(bytes));
    });
    return true;
  }

  #endByServer(error: Error | undefined): void {
    this.#endServer();
    this.#endAgent(statusOf(error));
  }

  #abandon(last: Uint8Array | undefined, error: Error): void {
    this.#queuedBytes = 0;
    if (last !== undefined) this.#write(last);
    this.#endByServer(error);
  }

  /** `ended` comes once and last, in a turn of its own. */
  #endServer(): void {
    const sink = this.#sink;
    this.#sink = undefined;
    if (sink !== undefined) this.#toServer.send(() => sink.ended());
  }

  #endAgent(status: LinkStatus): void {
    this.#toAgent.send(() => {
      if (this.#isOver) return;
      this.#isOver = true;
      this.#onOver();
      this.#events.onEnd(status);
    });
  }
}

function statusOf(error: Error | undefined): LinkStatus {
  if (error === undefined) return { code: 'OK', message: '' };
  const { code, message } = toYardmasterError(error);
  return { code: findError(code)?.status ?? 'INTERNAL', message, reason: code };
}
