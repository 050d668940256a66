/**
 * The calls to the worker thread. Replies come in the order of the calls, so a queue is enough to match them.
 *
 * A worker that dies takes its last batch's outcome with it: calls under way reject with UNCLEAR, and a new worker goes on under
 * the same epoch, refusing batches until `reopen`. That happens once; a second death is told to `onFatal` and ends the store.
 */
import { Worker } from 'node:worker_threads';
import { YardmasterError } from '../../../core/errors.ts';
import { workerArguments } from '../../../core/worker-arguments.ts';
import { StoreError, type StoreOpened } from '../port.ts';
import type { OpenRequest } from './sqlite-core.ts';
import type { Arguments, Operation, Result, SqliteLink } from './sqlite-link.ts';
import { fromWireError } from './wire-error.ts';
import type { Call, Reply } from './worker.ts';

export interface WorkerLinkOptions {
  /** Told once, when the worker is gone for good. The store answers CLOSED from then on. */
  readonly onFatal: (error: YardmasterError) => void;
  /** Tests hold the worker to kill it. */
  readonly startWorker?: () => Worker;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

const RESTARTS_MAX = 1;

export function startStoreWorker(): Worker {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new Worker(new URL(`./worker.${extension}`, import.meta.url), workerArguments(process.execArgv));
}

export class WorkerLink implements SqliteLink {
  readonly #options: WorkerLinkOptions;
  #worker: Worker | undefined;
  #waiting: Waiting[] = [];
  #opened: OpenRequest | undefined;
  #restarts = 0;

  constructor(options: WorkerLinkOptions) {
    this.#options = options;
    this.#worker = this.#start();
  }

  async call<Op extends Operation>(op: Op, args: Arguments<Op>, transfer?: ArrayBuffer): Promise<Result<Op>> {
    const value = await this.#post({ op, args }, transfer);
    if (op === 'open') this.#rememberOpened(args[0] as OpenRequest, value as StoreOpened);
    // The worker performed `op`: perform() gives what its method gives.
    return value as Result<Op>;
  }

  async end(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #post(call: Call, transfer?: ArrayBuffer): Promise<unknown> {
    const worker = this.#worker;
    if (worker === undefined) return Promise.reject(new StoreError('CLOSED', `cannot ${call.op}: the store is closed`));
    return new Promise((resolve, reject) => {
      // Only a call under way keeps the process alive.
      if (this.#waiting.length === 0) worker.ref();
      this.#waiting.push({ resolve, reject });
      worker.postMessage(call, transfer === undefined ? [] : [transfer]);
    });
  }

  #start(): Worker {
    const worker = (this.#options.startWorker ?? startStoreWorker)();
    let cause: unknown;
    worker.on('message', (reply: Reply) => this.#settle(worker, reply));
    worker.on('error', (error) => {
      cause = error;
    });
    worker.on('exit', () => {
      if (worker === this.#worker) this.#bury(cause);
    });
    worker.unref();
    return worker;
  }

  #settle(worker: Worker, reply: Reply): void {
    if (worker !== this.#worker) return;
    const waiting = this.#waiting.shift();
    if (this.#waiting.length === 0) worker.unref();
    if (reply.type === 'result') waiting?.resolve(reply.value);
    else waiting?.reject(fromWireError(reply.error));
  }

  #bury(cause: unknown): void {
    const lost = this.#waiting;
    this.#waiting = [];
    const opened = this.#opened;
    const goesOn = opened !== undefined && this.#restarts < RESTARTS_MAX;
    this.#worker = goesOn ? this.#start() : undefined;
    // First in the new worker's queue: before what the rejected callers do next.
    if (goesOn) this.#restart(opened);
    for (const { reject } of lost) reject(new StoreError('UNCLEAR', 'the worker of the store died', cause));
    if (!goesOn && opened !== undefined) this.#giveUp(cause);
  }

  #restart(opened: OpenRequest): void {
    this.#restarts += 1;
    this.#post({ op: 'open', args: [opened] }).catch((error: unknown) => {
      const worker = this.#worker;
      if (worker === undefined) return;
      this.#worker = undefined;
      for (const { reject } of this.#waiting.splice(0)) reject(new StoreError('CLOSED', 'the store is closed', error));
      this.#giveUp(error);
      return worker.terminate();
    });
  }

  #giveUp(cause: unknown): void {
    this.#opened = undefined;
    const error = new YardmasterError(
      'STORE_LOST',
      'cannot go on: the worker of the store died, and again after a restart',
      {
        cause,
        next: 'see the cause, free the disk or the memory, and start again: nothing that was acknowledged is lost',
      },
    );
    this.#options.onFatal(error);
  }

  #rememberOpened(request: OpenRequest, { epoch }: StoreOpened): void {
    this.#opened = { ...request, epoch };
  }
}
