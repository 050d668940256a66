/**
 * An agent whose answers and accidents a test decides. It is a real agent of the SDK with a real session; only its handlers
 * and its link are made up. It joins a `TestMesh` (which `mesh.agent(id)` does), or any control plane through `join`.
 */

import { createGrpcLinks } from '../agent-sdk/grpc-link.ts';
import { Agent, type AttemptInfo, type HandlerContext, type Invoke, type LinkFactory } from '../agent-sdk/index.ts';
import { type Clock, sleep, systemClock } from '../core/clock.ts';
import { type Random, systemRandom } from '../core/random.ts';
import type { SessionResponse } from '../gen/opaque/session_pb.ts';
import { FaultyLinks } from './faulty-links.ts';
import { type FailureOptions, MockBehaviour, nameOf, type Offered, type Response } from './mock-behaviour.ts';
import { readDuration } from './virtual-clock.ts';

/** Where a mock lives: time, chance, and the way to a control plane. */
export interface MockWorld {
  readonly random?: Random;
  /** The clock of a new process, and that of its handlers; they stop when the process dies. Default: the machine's. */
  createClock?(use: 'process' | 'handlers'): ProcessClock;
  /** A new process of the agent: links of its own. */
  createLinks(instance: string): LinkFactory;
}

export type ProcessClock = Clock & { stop(): void };

export interface MockAgentOptions {
  /** Attempts at once; default 10. */
  readonly slots?: number;
  readonly labels?: Readonly<Record<string, string>>;
  /** Actions that are `idempotent` although they are bare names. */
  readonly idempotent?: readonly string[];
}

/** One attempt that reached a handler. */
export interface MockCall {
  readonly action: string;
  readonly input: unknown;
  readonly attempt: AttemptInfo;
  readonly lastCheckpoint: unknown;
  readonly instanceId: string;
}

interface Process {
  readonly agent: Agent;
  readonly links: FaultyLinks;
  readonly clock: ProcessClock;
  readonly handlerClock: ProcessClock;
  isAlive: boolean;
}

const SLOTS = 10;

export class MockAgent {
  readonly id: string;
  /** Every attempt that reached a handler of this agent, in order. */
  readonly calls: MockCall[] = [];
  readonly #options: MockAgentOptions;
  readonly #behaviours = new Map<string, MockBehaviour>();
  #world: MockWorld | undefined;
  #process: Process | undefined;
  /** Resolves with the first Welcome of the process. */
  #connected: Promise<void> | undefined;
  /** Handlers that run, and those of them that wait on the virtual clock. */
  #running = 0;
  #waiting = 0;

  constructor(id: string, options: MockAgentOptions = {}) {
    this.id = id;
    this.#options = options;
  }

  /** Of the process that runs now, or ran last; empty before the first. */
  get instanceId(): string {
    return this.#process?.agent.instanceId ?? '';
  }

  /** Handlers that do something other than wait for `setDelay`. */
  get busyCount(): number {
    return this.#running - this.#waiting;
  }

  /** Dials in at once if it offers something, else with its first response. */
  join(world: MockWorld): this {
    this.#world = world;
    this.#start();
    return this;
  }

  /** Joins the control plane at a URL, on a real connection: what `registerAgent` of an `Orchestrator` does with a mock. */
  async connectTo(url: string): Promise<AsyncDisposable> {
    this.join({ createLinks: () => createGrpcLinks({ url }) });
    await this.#connected;
    return { [Symbol.asyncDispose]: () => this.stop(0) };
  }

  /** Answers an action with a value, or with what a function makes of the input. */
  setResponse<C extends Offered>(action: C, response: Response<C>): this {
    this.#behaviour(action).response = response;
    return this;
  }

  /** Lets every attempt take this long; `Infinity`: until it is told to stop. */
  setDelay(action: Offered, duration: number | string): this {
    const behaviour = this.#behaviour(action);
    behaviour.delayMs = duration === Number.POSITIVE_INFINITY ? duration : readDuration(duration);
    return this;
  }

  /** Fails attempts with a code in UPPER_SNAKE. */
  failWith(action: Offered, code: string, options: FailureOptions = {}): this {
    this.#behaviour(action).fail(code, options);
    return this;
  }

  /** The process dies, as by kill -9, when it gets an attempt of this action; `restart` brings the agent back. */
  crashOn(action: Offered): this {
    this.#behaviour(action).crashes = true;
    return this;
  }

  /** Assignments of this action are received and never accepted. */
  neverAccept(action: Offered): this {
    this.#behaviour(action).ignores = true;
    return this;
  }

  /** Kill -9: its streams end, and nothing of it is ever heard again. */
  crash(): void {
    if (this.#process === undefined) return;
    this.#process.isAlive = false;
    this.#process.links.die();
    this.#process.clock.stop();
    this.#process.handlerClock.stop();
  }

  /** A new process of the same agent, under a new instance id; the old one dies if it still lives. */
  restart(): void {
    this.crash();
    for (const behaviour of this.#behaviours.values()) behaviour.crashes = false;
    this.#process = undefined;
    this.#start();
  }

  /** Leaves in order. */
  async stop(graceMs?: number): Promise<void> {
    if (this.#process?.isAlive !== true) return;
    this.#process.isAlive = false;
    await this.#process.agent.stop(graceMs === undefined ? {} : { graceMs });
  }

  /** Ends its streams on both sides and lets none through until `mend`. */
  cut(): void {
    this.#process?.links.cut();
  }

  mend(): void {
    this.#process?.links.mend();
  }

  /** Half open: frames of both directions wait until `release`. */
  hold(): void {
    this.#process?.links.hold();
  }

  release(): void {
    this.#process?.links.release();
  }

  /** Frames sent from now on take this long, each way. */
  slow(duration: number | string): void {
    this.#process?.links.delay(readDuration(duration));
  }

  #behaviour(offered: Offered): MockBehaviour {
    const name = nameOf(offered);
    const known = this.#behaviours.get(name);
    if (known !== undefined) return known;
    const behaviour = new MockBehaviour(offered);
    this.#behaviours.set(name, behaviour);
    if (this.#process === undefined) this.#start();
    else if (this.#process.isAlive) this.#offer(this.#process, behaviour);
    return behaviour;
  }

  #start(): void {
    if (this.#world === undefined || this.#behaviours.size === 0) return;
    const { random = systemRandom } = this.#world;
    const createClock = (use: 'process' | 'handlers'): ProcessClock =>
      this.#world?.createClock?.(use) ?? { ...systemClock, stop: () => {} };
    const clock = createClock('process');
    const { slots = SLOTS, labels = {} } = this.#options;
    const links = new FaultyLinks(this.#world.createLinks(this.id), clock, (frame) => this.#filter(frame));
    const agent = new Agent({ id: this.id, slots, labels, clock, random, links });
    const process = { agent, links, clock, handlerClock: createClock('handlers'), isAlive: true };
    this.#process = process;
    for (const behaviour of this.#behaviours.values()) this.#offer(process, behaviour);
    // A control plane that is not there yet is not this mock's fault: the session goes on dialling.
    this.#connected = agent.start({ timeoutMs: Number.MAX_SAFE_INTEGER }).catch(() => {});
  }

  #offer(process: Process, behaviour: MockBehaviour): void {
    const { offered } = behaviour;
    const run = (input: unknown, ctx: HandlerContext): Promise<unknown> => this.#handle(process, behaviour, input, ctx);
    if (typeof offered !== 'string') process.agent.handle(offered, run);
    else process.agent.handle(offered, run, { idempotent: this.#options.idempotent?.includes(offered) ?? false });
  }

  async #handle(process: Process, behaviour: MockBehaviour, input: unknown, ctx: HandlerContext): Promise<unknown> {
    const { attempt, lastCheckpoint } = ctx;
    const { instanceId } = process.agent;
    this.calls.push({ action: behaviour.name, input, attempt, lastCheckpoint, instanceId });
    if (behaviour.crashes) {
      this.crash();
      return new Promise(() => {});
    }
    this.#running += 1;
    try {
      if (behaviour.delayMs > 0) await this.#wait(process.handlerClock, behaviour.delayMs, ctx.signal);
      return await behaviour.answer(input, { ...ctx, invoke: this.#counted(ctx.invoke) });
    } finally {
      this.#running -= 1;
    }
  }

  /** Who waits for another agent does nothing meanwhile. */
  #counted(invoke: Invoke): Invoke {
    const counted = async (...call: Parameters<Invoke>): Promise<unknown> => {
      this.#waiting += 1;
      try {
        return await invoke(...call);
      } finally {
        this.#waiting -= 1;
      }
    };
    // What was given is passed on as it is: one form of the call becomes the same one.
    return counted as Invoke;
  }

  async #wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
    this.#waiting += 1;
    try {
      await sleep(clock, ms, signal);
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Without the assignments that this agent is to overlook. */
  #filter(response: SessionResponse): SessionResponse {
    const { frame } = response;
    if (frame.case !== 'dispatch') return response;
    const assignments = frame.value.assignments.filter(
      ({ capability }) => this.#behaviours.get(capability)?.ignores !== true,
    );
    if (assignments.length === frame.value.assignments.length) return response;
    return { ...response, frame: { case: 'dispatch', value: { ...frame.value, assignments } } };
  }
}
