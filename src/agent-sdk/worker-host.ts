/** The handlers' side of a session that lives in a worker thread. */
import { Worker } from 'node:worker_threads';
import type { Clock } from '../core/clock.ts';
import { toYardmasterError, YardmasterError } from '../core/errors.ts';
import { workerArguments } from '../core/worker-arguments.ts';
import type { BlobUpload, CallAnswer, CallOrder, CallProgress } from './link.ts';
import type { BlobReference, News, Offer } from './news.ts';
import { packNews, unpackOrders } from './packed.ts';
import type { Session, SessionEvents } from './session.ts';
import type { SocketWorkerData, ToHost, ToWorker } from './worker-messages.ts';

/** The sources run unbuilt; `dist` holds JavaScript. */
const WORKER_FILE = import.meta.url.endsWith('.ts') ? './socket-worker.ts' : './socket-worker.js';

type Transferred = BlobReference | Uint8Array | CallAnswer;

interface Transfer {
  readonly resolve: (value: Transferred) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: (progress: CallProgress) => void;
}

export class WorkerHost implements Session {
  readonly #worker: Worker;
  readonly #clock: Clock;
  readonly #events: SessionEvents;
  readonly #transfers = new Map<number, Transfer>();
  #calls = 0;
  #news: News[] = [];
  #hasEnded = false;

  constructor(data: SocketWorkerData, clock: Clock, events: SessionEvents) {
    this.#clock = clock;
    this.#events = events;
    this.#worker = new Worker(new URL(WORKER_FILE, import.meta.url), {
      ...workerArguments(process.execArgv),
      workerData: data,
      name: 'yardmaster-agent',
    });
    this.#worker.on('message', (message: ToHost) => this.#hear(message));
    this.#worker.on('error', (error) => {
      this.#finish(`the worker thread failed: ${toYardmasterError(error).message}`);
      // A bug of ours: loud, so that the process ends and is started again, rather than living on without a connection.
      queueMicrotask(() => {
        throw error;
      });
    });
    this.#worker.on('exit', (code) => this.#finish(`the worker thread ended with code ${code}`));
  }

  start(): void {
    this.#post({ type: 'start' });
  }

  /** Batched: everything of one turn is one message. */
  tell(news: News): void {
    this.#news.push(news);
    if (this.#news.length === 1) this.#clock.turn(() => this.#flush());
  }

  offer(offer: Offer): void {
    this.#post({ type: 'offer', offer });
  }

  leave(reason: string, graceMs: number): void {
    this.#post({ type: 'leave', reason, graceMs });
  }

  end(reason: string): void {
    this.#post({ type: 'end', reason });
  }

  async upload(upload: BlobUpload, signal: AbortSignal): Promise<BlobReference> {
    const answer = await this.#transfer((call) => ({ type: 'upload', call, upload }), signal);
    if ('blobId' in answer) return answer;
    throw new YardmasterError('INTERNAL', 'Cannot upload: the answer is one to something else');
  }

  async download(runId: string, blob: BlobReference, signal: AbortSignal): Promise<Uint8Array> {
    const answer = await this.#transfer((call) => ({ type: 'download', call, runId, blob }), signal);
    if (answer instanceof Uint8Array) return answer;
    throw new YardmasterError('INTERNAL', 'Cannot download: the answer is one to something else');
  }

  async invoke(
    order: CallOrder,
    onProgress: (progress: CallProgress) => void,
    signal: AbortSignal,
  ): Promise<CallAnswer> {
    const answer = await this.#transfer((call) => ({ type: 'invoke', call, order }), signal, onProgress);
    if ('status' in answer) return answer;
    throw new YardmasterError('INTERNAL', 'Cannot call: the answer is one to something else');
  }

  #transfer(
    message: (call: number) => ToWorker,
    signal: AbortSignal,
    onProgress: (progress: CallProgress) => void = () => {},
  ): Promise<Transferred> {
    const call = ++this.#calls;
    const abort = (): void => this.#post({ type: 'abort', call });
    signal.addEventListener('abort', abort, { once: true });
    return new Promise<Transferred>((resolve, reject) => {
      this.#transfers.set(call, { resolve, reject, onProgress });
      this.#post(message(call));
      if (signal.aborted) abort();
    }).finally(() => signal.removeEventListener('abort', abort));
  }

  #hear(message: ToHost): void {
    switch (message.type) {
      case 'orders':
        return this.#events.onOrders(unpackOrders(message.orders));
      case 'ping':
        return this.#post({ type: 'pong', number: message.number });
      case 'phase':
        if (message.phase.state !== 'ENDED') return this.#events.onPhase(message.phase);
        return this.#finish(message.phase.reason);
      case 'progressed':
        return this.#transfers.get(message.call)?.onProgress(message.progress);
      case 'invoked':
        this.#transfers.get(message.call)?.resolve(message.answer);
        break;
      case 'uploaded':
        this.#transfers.get(message.call)?.resolve(message.blob);
        break;
      case 'downloaded':
        this.#transfers.get(message.call)?.resolve(message.bytes);
        break;
      case 'failed':
        this.#transfers.get(message.call)?.reject(errorOf(message));
    }
    this.#transfers.delete(message.call);
  }

  #flush(): void {
    const news = this.#news;
    this.#news = [];
    this.#post({ type: 'news', news: packNews(news) });
  }

  #post(message: ToWorker): void {
    if (!this.#hasEnded) this.#worker.postMessage(message);
  }

  #finish(reason: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const { reject } of this.#transfers.values())
      reject(new YardmasterError('CANCELLED', `The agent ended: ${reason}`));
    this.#transfers.clear();
    this.#events.onPhase({ state: 'ENDED', reason });
  }
}

function errorOf({ code, message, reason }: Extract<ToHost, { type: 'failed' }>): YardmasterError {
  return new YardmasterError(code, message, reason === '' ? {} : { meta: { reason } });
}
