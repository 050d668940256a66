/**
 * The calls to the worker thread. One at a time, because the limit is on each: a worker whose time is over, or whose memory is, is
 * ended, its caller gets SCHEMA_TOO_COSTLY, and the next call goes to a new one.
 */
import { Worker } from 'node:worker_threads';
import { YardmasterError } from '../../core/errors.ts';
import { limits, times } from '../../core/limits.ts';
import { workerArguments } from '../../core/worker-arguments.ts';
import type { CheckedParameters } from './port.ts';
import type { CheckReply, CheckRequest } from './worker.ts';

export interface CheckWorkerOptions {
  /** Default: `times.schemaCompileMs`. */
  readonly compileMs?: number;
  /** Default: `times.parameterCheckMs`. */
  readonly checkMs?: number;
}

interface Job {
  readonly request: CheckRequest;
  readonly resolve: (checked: CheckedParameters | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** The parameters are at most 1 MiB and what is found is listed as it is found. */
const HEAP_MIB = 128;
/** Loading the code on a busy machine. */
const START_MS = 30_000;

export class CheckWorker {
  readonly #compileMs: number;
  readonly #checkMs: number;
  readonly #waiting: Job[] = [];
  #current: Job | undefined;
  #worker: Worker | undefined;
  #isReady = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor({ compileMs, checkMs }: CheckWorkerOptions = {}) {
    this.#compileMs = compileMs ?? times.schemaCompileMs;
    this.#checkMs = checkMs ?? times.parameterCheckMs;
  }

  run(request: CheckRequest): Promise<CheckedParameters | undefined> {
    if (this.#isClosed) return Promise.reject(shuttingDown());
    if (this.#waiting.length >= limits.checksWaitingMax) return Promise.reject(busy());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(shuttingDown());
    this.#finish()?.reject(shuttingDown());
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  /** Gives the worker what waits longest, if it has nothing to do. */
  #next(): void {
    if (this.#current !== undefined) return;
    this.#current = this.#waiting.shift();
    if (this.#current === undefined) return;
    this.#worker ??= this.#start();
    // Only a check under way keeps the process alive.
    this.#worker.ref();
    if (this.#isReady) this.#send(this.#worker, this.#current);
    else this.#limit(START_MS, 'it did not start');
  }

  #send(worker: Worker, { request }: Job): void {
    this.#limit(this.#compileMs, `compiling its schema takes longer than ${this.#compileMs} ms`);
    worker.postMessage(request);
  }

  #start(): Worker {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const worker = new Worker(new URL(`./worker.${extension}`, import.meta.url), {
      ...workerArguments(process.execArgv),
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
    });
    this.#isReady = false;
    worker.on('message', (reply: CheckReply) => {
      if (worker === this.#worker) this.#take(worker, reply);
    });
    worker.on('error', (error) => this.#drop(worker, reasonOf(error)));
    worker.on('exit', () => this.#drop(worker, failed('the thread ended')));
    return worker;
  }

  #take(worker: Worker, reply: CheckReply): void {
    switch (reply.type) {
      case 'ready':
        this.#isReady = true;
        if (this.#current !== undefined) this.#send(worker, this.#current);
        return;
      case 'compiled':
        this.#limit(this.#checkMs, `checking by its schema takes longer than ${this.#checkMs} ms`);
        return;
      case 'done':
        this.#finish()?.resolve(reply.checked);
        break;
      case 'error':
        this.#finish()?.reject(new YardmasterError(reply.code, reply.message, { problems: reply.problems }));
        break;
    }
    worker.unref();
    this.#next();
  }

  #limit(ms: number, fact: string): void {
    clearTimeout(this.#timer);
    const worker = this.#worker;
    this.#timer = setTimeout(() => {
      if (worker === undefined) return;
      this.#drop(worker, this.#isReady ? tooCostly(fact) : failed(fact));
      void worker.terminate();
    }, ms);
  }

  /** The worker is gone, or is about to be: its call fails, the next one starts another. */
  #drop(worker: Worker, error: YardmasterError): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    this.#isReady = false;
    this.#finish()?.reject(error);
    this.#next();
  }

  #finish(): Job | undefined {
    clearTimeout(this.#timer);
    const job = this.#current;
    this.#current = undefined;
    return job;
  }
}

function reasonOf(error: unknown): YardmasterError {
  const isMemory = error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
  if (isMemory) return tooCostly(`checking by its schema takes more than ${HEAP_MIB} MiB`);
  return failed(error instanceof Error ? error.message : String(error));
}

function tooCostly(fact: string): YardmasterError {
  return new YardmasterError('SCHEMA_TOO_COSTLY', `Cannot check the parameters: ${fact}`, {
    next: 'pass less, or use fewer alternatives (anyOf, oneOf), and uniqueItems only with few items',
  });
}

function failed(fact: string): YardmasterError {
  return new YardmasterError('INTERNAL', `Cannot check the parameters: ${fact}`);
}

function busy(): YardmasterError {
  const fact = `${limits.checksWaitingMax} others wait`;
  return new YardmasterError('CHECKS_BUSY', `Cannot check the parameters now: ${fact}`, {
    next: 'try again in a second',
  });
}

function shuttingDown(): YardmasterError {
  return new YardmasterError('SHUTTING_DOWN', 'Cannot take new work: the control plane is stopping', {
    next: 'try again in a second',
  });
}
