/**
 * What a handler writes, on its side: cut into chunks, numbered, and told to the session as far as what it has is stored; the rest
 * waits here, and with it whoever writes. While it waits, pieces of text grow together.
 */
import { YardmasterError } from '../core/errors.ts';
import { NAME_PATTERN } from '../core/ids.ts';
import { limits } from '../core/limits.ts';
import type { ChunkState, News } from './news.ts';
import { AttemptStopped } from './step-error.ts';

const DEFAULT_CHANNEL = 'main';
/** UTF-8 takes at most three bytes for each of the units that a text is made of. */
const CHUNK_CHARS_MAX = Math.floor(limits.chunkBytesMax / 3);

export interface WriteOptions {
  /** One of several outputs of the attempt, such as `stderr`. Default `main`. */
  readonly channel?: string;
}

export interface OutputWriterOptions {
  readonly attemptId: string;
  readonly stepPath: string;
  /** Number of its first chunk. */
  readonly first: number;
  readonly signal: AbortSignal;
  readonly tell: (news: News) => void;
}

interface Piece {
  readonly channel: string;
  data: string | Uint8Array;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class OutputWriter {
  readonly #options: OutputWriterOptions;
  #queue: Piece[] = [];
  #queuedBytes = 0;
  #next: number;
  /** Told and not stored, in order. */
  #told: { readonly number: number; readonly size: number }[] = [];
  #toldBytes = 0;
  #waiters: Waiter[] = [];
  #refusal: Error | undefined;

  constructor(options: OutputWriterOptions) {
    this.#options = options;
    this.#next = options.first;
    const { signal } = options;
    const stop = (): void => this.#refuse(toError(signal.reason));
    // It is made with the first write, which may come after the stop.
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  }

  write(data: string | Uint8Array, { channel = DEFAULT_CHANNEL }: WriteOptions = {}): Promise<void> {
    const written = this.#write(data, channel);
    // Whoever does not wait is not ended by what becomes of it: readers are told.
    written.catch(() => {});
    return written;
  }

  /** What became of the chunks up to `number`. */
  written(number: number, state: ChunkState): void {
    const rest = this.#told.filter((chunk) => chunk.number > number);
    this.#toldBytes = rest.reduce((sum, { size }) => sum + size, 0);
    this.#told = rest;
    if (state === 'LIMIT') this.#refuse(tooMuch(this.#options.stepPath));
    else if (state === 'DROPPED') this.#refuse(new AttemptStopped('SUPERSEDED', 0));
    else this.#pump();
  }

  /** Resolves when the session has all of it, or will not get it. */
  async finish(): Promise<void> {
    if (this.#queue.length > 0) await this.#wait().catch(() => {});
  }

  async #write(data: string | Uint8Array, channel: string): Promise<void> {
    if (this.#refusal !== undefined) throw this.#refusal;
    refuseInvalid(data, channel, this.#options.stepPath);
    const size = typeof data === 'string' ? Buffer.byteLength(data) : data.length;
    if (this.#queuedBytes + size > limits.attemptOutputBytesMax) {
      this.#refuse(tooMuch(this.#options.stepPath));
      throw tooMuch(this.#options.stepPath);
    }
    for (const piece of typeof data === 'string' ? cutText(data) : cutBytes(data))
      this.#enqueue({ channel, data: piece });
    this.#pump();
    if (this.#queue.length > 0) await this.#wait();
  }

  #enqueue(piece: Piece): void {
    this.#queuedBytes += piece.data.length;
    const last = this.#queue.at(-1);
    const isJoined =
      last?.channel === piece.channel &&
      typeof last.data === 'string' &&
      typeof piece.data === 'string' &&
      last.data.length + piece.data.length <= CHUNK_CHARS_MAX;
    if (isJoined && typeof last.data === 'string') last.data += piece.data;
    else this.#queue.push(piece);
  }

  #pump(): void {
    const { attemptId, tell } = this.#options;
    while (this.#toldBytes < limits.chunkWindowBytes) {
      const piece = this.#queue.shift();
      if (piece === undefined) break;
      const { channel, data } = piece;
      this.#queuedBytes -= data.length;
      const size = typeof data === 'string' ? Buffer.byteLength(data) : data.length;
      const number = this.#next++;
      this.#told.push({ number, size });
      this.#toldBytes += size + limits.chunkOverheadBytes;
      tell({ type: 'chunk', attemptId, number, channel, data, size });
    }
    if (this.#queue.length === 0) for (const { resolve } of this.#waiters.splice(0)) resolve();
  }

  #wait(): Promise<void> {
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  #refuse(error: Error): void {
    this.#refusal ??= error;
    this.#queue = [];
    this.#queuedBytes = 0;
    for (const { reject } of this.#waiters.splice(0)) reject(error);
  }
}

/** Whole characters, and what JSON and protobuf can say. */
function* cutText(text: string): Iterable<string> {
  const whole = text.toWellFormed();
  for (let from = 0; from < whole.length; ) {
    let to = Math.min(whole.length, from + CHUNK_CHARS_MAX);
    if (to < whole.length && isHighSurrogate(whole.charCodeAt(to - 1))) to -= 1;
    yield whole.slice(from, to);
    from = to;
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

/** Copies: the writer may use its buffer again. */
function* cutBytes(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let from = 0; from < bytes.length; from += limits.chunkBytesMax) {
    yield new Uint8Array(bytes.subarray(from, from + limits.chunkBytesMax));
  }
}

function refuseInvalid(data: unknown, channel: string, step: string): void {
  const refuse = (fact: string): never => {
    throw new YardmasterError('INVALID_VALUE', `Cannot write the output of step "${step}": ${fact}`);
  };
  if (typeof data !== 'string' && !(data instanceof Uint8Array)) refuse('it is neither a text nor bytes');
  if (!NAME_PATTERN.test(channel))
    refuse(`the channel "${channel.slice(0, 80)}" does not match ${NAME_PATTERN.source}`);
}

function tooMuch(step: string): YardmasterError {
  return new YardmasterError('LIMIT', `Cannot write more of the output of step "${step}": no more is kept of it`, {
    next: 'write less, or write to a store of your own and return a reference',
  });
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new AttemptStopped('CANCELLED', 0);
}
