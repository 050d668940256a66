/**
 * Runs handlers. Whatever a handler does - throws at once, rejects, answers nonsense, throws after it was stopped, never ends -
 * stays with its own attempt, and exactly one end is told for each one that ends.
 */
import { z } from 'zod';
import type { Clock } from '../core/clock.ts';
import { YardmasterError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import { decodeValue } from '../core/value.ts';
import { endOfError, endOfStop, schemaFailure } from './attempt-end.ts';
import { createInvoke } from './calls.ts';
import { createContext, type HandlerContext } from './context.ts';
import type { BlobLink, CallLink } from './link.ts';
import type { AttemptEnd, AttemptOrder, News, Order, StopCause, WirePayload } from './news.ts';
import { OutputWriter } from './output-writer.ts';
import { fetchPayload, type PayloadSizes, sendPayload } from './payload.ts';
import { AttemptStopped } from './step-error.ts';

/** A handler with its schemas; without one, anything passes. */
export interface RegisteredHandler {
  readonly run: (input: unknown, ctx: HandlerContext) => unknown;
  readonly input?: z.ZodType;
  readonly output?: z.ZodType;
}

export interface AttemptRunnerOptions {
  readonly clock: Clock;
  readonly tell: (news: News) => void;
  readonly blobs: BlobLink;
  readonly calls: CallLink;
  readonly handlers: ReadonlyMap<string, RegisteredHandler>;
}

interface Running {
  readonly order: AttemptOrder;
  readonly controller: AbortController;
  stopCause: StopCause | undefined;
  /** Undefined: it wrote nothing. */
  writer: OutputWriter | undefined;
}

export class AttemptRunner {
  readonly #clock: Clock;
  readonly #tell: (news: News) => void;
  readonly #blobs: BlobLink;
  readonly #calls: CallLink;
  readonly #handlers: ReadonlyMap<string, RegisteredHandler>;
  readonly #running = new Map<string, Running>();
  #sizes: PayloadSizes = { inlineValueBytesMax: limits.inlineWireBytesMax, blobBytesMax: limits.blobBytesMax };

  constructor({ clock, tell, blobs, calls, handlers }: AttemptRunnerOptions) {
    this.#clock = clock;
    this.#tell = tell;
    this.#blobs = blobs;
    this.#calls = calls;
    this.#handlers = handlers;
  }

  /** Handlers that have not ended. */
  get runningCount(): number {
    return this.#running.size;
  }

  /** The sizes of the last Welcome. */
  resize(sizes: PayloadSizes): void {
    this.#sizes = sizes;
  }

  obey(orders: readonly Order[]): void {
    for (const order of orders) {
      if (order.type === 'start') void this.#start(order.attempt);
      else if (order.type === 'written') this.#running.get(order.attemptId)?.writer?.written(order.number, order.state);
      else this.#stop(order.attemptId, order.cause, order.graceMs);
    }
  }

  /** Aborts every handler; for a session that is over. */
  stopAll(cause: StopCause): void {
    for (const id of this.#running.keys()) this.#stop(id, cause, 0);
  }

  /** Never rejects. */
  async #start(order: AttemptOrder): Promise<void> {
    const { attemptId } = order;
    const running: Running = { order, controller: new AbortController(), stopCause: undefined, writer: undefined };
    this.#running.set(attemptId, running);
    this.#tell({ type: 'accepted', attemptId });
    let end: AttemptEnd;
    try {
      end = await this.#perform(running);
    } catch (error) {
      end = running.stopCause === undefined ? endOfError(error) : endOfStop(running.stopCause);
    }
    if (running.writer !== undefined) await running.writer.finish();
    this.#running.delete(attemptId);
    this.#tell({ type: 'ended', attemptId, end });
  }

  #stop(attemptId: string, cause: StopCause, graceMs: number): void {
    const running = this.#running.get(attemptId);
    if (running === undefined) return;
    // A later cause is the control plane's and says more than our own guess.
    running.stopCause = cause;
    running.controller.abort(new AttemptStopped(cause, graceMs));
  }

  async #perform(running: Running): Promise<AttemptEnd> {
    const { order, controller } = running;
    const { signal } = controller;
    const handler = this.#handlers.get(order.capability);
    if (handler === undefined) return { type: 'handedBack', reason: `no handler for "${order.capability}"` };
    const received = order.input.kind === 'value' ? decodeValue(order.input.bytes) : await this.#fetch(order, signal);
    const input = parse(handler.input, received) ?? (await parseLate(handler.input, received));
    if (!input.success) return schemaFailure('INVALID_INPUT', order, input.error);
    signal.throwIfAborted();
    const tell = (news: News): void => {
      // A handler may keep its context after it ended; what it says then is about nothing.
      if (this.#running.get(order.attemptId) === running) this.#tell(news);
    };
    const startedAt = this.#clock.now();
    const { attemptId } = order;
    const writer = (): OutputWriter => {
      running.writer ??= new OutputWriter({ ...order, first: order.nextChunk, signal, tell });
      return running.writer;
    };
    const invoke = createInvoke({ attemptId, calls: this.#calls, blobs: this.#blobs, clock: this.#clock, signal });
    const answer = await handler.run(input.data, createContext({ order, signal, startedAt, tell, writer, invoke }));
    const output = parse(handler.output, answer) ?? (await parseLate(handler.output, answer));
    if (!output.success) return schemaFailure('INVALID_OUTPUT', order, output.error);
    return { type: 'completed', output: await this.#encode(output.data ?? null, order, signal) };
  }

  #fetch({ input, runId }: AttemptOrder, signal: AbortSignal): Promise<unknown> {
    return fetchPayload(input, runId, { blobs: this.#blobs, clock: this.#clock, signal });
  }

  #encode(value: unknown, { attemptId }: AttemptOrder, signal: AbortSignal): WirePayload | Promise<WirePayload> {
    const transfer = { blobs: this.#blobs, clock: this.#clock, signal };
    return sendPayload(value, attemptId, this.#sizes, transfer);
  }
}

type Parsed = { readonly success: true; readonly data: unknown } | z.ZodSafeParseError<unknown>;

/** Undefined when the schema has asynchronous checks: `parseLate` then. */
function parse(schema: z.ZodType | undefined, value: unknown): Parsed | undefined {
  if (schema === undefined) return { success: true, data: value };
  try {
    return schema.safeParse(value);
  } catch (error) {
    if (error instanceof z.core.$ZodAsyncError) return undefined;
    throw error;
  }
}

async function parseLate(schema: z.ZodType | undefined, value: unknown): Promise<Parsed> {
  if (schema === undefined) throw new YardmasterError('INTERNAL', 'Cannot check a value: there is no schema');
  return schema.safeParseAsync(value);
}
