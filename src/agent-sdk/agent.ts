/** What an agent author makes: handlers for capabilities, and one connection to a control plane. */
import type { Capability } from '../core/capability.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { type Problem, YardmasterError } from '../core/errors.ts';
import { createUlid, NAME_PATTERN } from '../core/ids.ts';
import { limits } from '../core/limits.ts';
import { type Random, systemRandom } from '../core/random.ts';
import { VERSION } from '../core/version.ts';
import { type AgentLogger, logPhase } from './agent-log.ts';
import { AgentSignals } from './agent-signals.ts';
import { AttemptRunner, type RegisteredHandler } from './attempt-runner.ts';
import type { HandlerContext } from './context.ts';
import { createGrpcLinks, type GrpcLinkOptions } from './grpc-link.ts';
import type { LinkFactory, LinkStatus } from './link.ts';
import type { Identity, Offer, OfferedCapability } from './news.ts';
import { describeTyped, describeUntyped, type HandlerOptions } from './offered-capability.ts';
import type { Session, SessionEvents } from './session.ts';
import type { SessionPhase } from './session-phase.ts';
import { SessionRunner } from './session-runner.ts';
import { WorkerHost } from './worker-host.ts';

const DEFAULT_URL = 'http://127.0.0.1:7420';
const CONNECT_MS = 30_000;
const GRACE_MS = 10_000;
/** A timer that only keeps the process alive while an inline agent waits to dial again. */
const KEEP_ALIVE_MS = 2 ** 31 - 1;

export interface AgentOptions {
  /** What workflows route to, such as `db-extractor`. Several processes with one id are replicas. */
  readonly id: string;
  /** Attempts at once. Default 1, at most 10,000. */
  readonly slots?: number;
  /** Default: `YARDMASTER_URL`, or `http://127.0.0.1:7420`. */
  readonly url?: string;
  readonly token?: string;
  /** Facts to select by, such as `region: eu`. */
  readonly labels?: Readonly<Record<string, string>>;
  /**
   * A name that survives a restart, such as that of the machine or of the pod; shown to operators. A newer start of the agent at
   * the same place takes over from the older one at once, so replicas on one machine need places of their own. Default: none.
   */
  readonly place?: string;
  /** True keeps the socket in this thread: for bundlers and tests. Default false: in a worker thread. */
  readonly inline?: boolean;
  readonly logger?: AgentLogger;
  readonly onStateChange?: (phase: SessionPhase) => void;
  /** For tests; implies `inline`. */
  readonly clock?: Clock;
  /** For tests; implies `inline`. */
  readonly random?: Random;
  /** Carries frames some other way than gRPC; implies `inline`. */
  readonly links?: LinkFactory;
}

export type Handler<Input = unknown, Output = unknown> = (
  input: Input,
  ctx: HandlerContext,
) => Output | PromiseLike<Output>;

export interface StartOptions {
  /** True: SIGTERM and SIGINT stop the agent in order and then end the process. Default false. */
  readonly signals?: boolean;
  /** `start()` rejects with NOT_CONNECTED when there was no Welcome until then. Default 30 s. */
  readonly timeoutMs?: number;
}

export class Agent {
  readonly id: string;
  /** Random, new for every `Agent`. */
  readonly instanceId: string;
  /** Resolves with the reason when the agent is over: stopped, replaced or drained by an operator. */
  readonly ended: Promise<string>;
  readonly #options: AgentOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #handlers = new Map<string, RegisteredHandler>();
  readonly #capabilities: OfferedCapability[] = [];
  readonly #signals = new AgentSignals();
  #resolveEnded: (reason: string) => void = () => {};
  #session: Session | undefined;
  #runner: AttemptRunner | undefined;
  #keepAlive: NodeJS.Timeout | undefined;
  #onPhase: (phase: SessionPhase) => void = () => {};

  /** Throws AGENT_INVALID with every problem. */
  constructor(options: AgentOptions) {
    refuseInvalid(options);
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.id = options.id;
    this.instanceId = createUlid(this.#clock.now(), this.#random);
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  /** Offers a capability. May be called before and after `start`. Throws HANDLER_EXISTS for a second one of a name. */
  handle<Input, Output, HandlerInput, HandlerOutput>(
    offered: Capability<Input, Output, HandlerInput, HandlerOutput>,
    handler: Handler<HandlerInput, HandlerOutput>,
  ): this;
  /** Offers an action without schemas: anything passes, and the compiler does not look. */
  handle<Input = unknown>(name: string, handler: Handler<Input>, options?: HandlerOptions): this;
  handle(offered: Capability | string, handler: Handler<never>, options: HandlerOptions = {}): this {
    // What arrives fits the declared type: by its schema, or as the author of an untyped handler claims.
    const run = handler as RegisteredHandler['run'];
    if (typeof offered !== 'string') {
      const { input, output } = offered;
      return this.#register(describeTyped(offered), { run, input, output });
    }
    return this.#register(describeUntyped(offered, options), { run });
  }

  /**
   * Offers a capability no more: it gets no new work, and what runs of it may finish. It can be offered again. Does nothing
   * when it is not on offer.
   */
  withdraw(name: string): this {
    const at = this.#capabilities.findIndex((offered) => offered.name === name);
    if (at < 0) return this;
    // Its handler stays for an attempt that is on its way between the threads.
    this.#capabilities.splice(at, 1);
    this.#session?.offer(this.#offer());
    return this;
  }

  /**
   * Connects, and resolves at the Welcome. From then on the agent reconnects by itself, for ever.
   * Rejects with NOT_CONNECTED when it never connected in time, with AGENT_INVALID when started twice or without a handler.
   */
  async start({ signals = false, timeoutMs = CONNECT_MS }: StartOptions = {}): Promise<void> {
    if (this.#session !== undefined)
      throw new YardmasterError('AGENT_INVALID', `Cannot start agent "${this.id}" twice`);
    if (this.#handlers.size === 0) {
      throw new YardmasterError('AGENT_INVALID', `Cannot start agent "${this.id}": it has no handler`, {
        next: 'call agent.handle(...) first',
      });
    }
    const session = this.#open();
    // In virtual time nothing outside will come, and a test must be able to end.
    if (this.#options.clock === undefined) this.#keepAlive = setInterval(() => {}, KEEP_ALIVE_MS);
    if (signals) this.#signals.listen((signal) => this.stop({ reason: signal }));
    await this.#connect(session, timeoutMs);
  }

  /**
   * Leaves in order: takes no new work, lets handlers finish for `graceMs` (default 10 s), then aborts them and hands their work
   * back, says Goodbye. Resolves when the connection is closed; at most 2 s after the grace.
   */
  async stop({ graceMs = GRACE_MS, reason = 'stop' }: { graceMs?: number; reason?: string } = {}): Promise<void> {
    if (this.#session === undefined) return;
    this.#session.leave(reason, graceMs);
    await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #register(offered: OfferedCapability, handler: RegisteredHandler): this {
    if (this.#capabilities.some(({ name }) => name === offered.name)) {
      throw new YardmasterError('HANDLER_EXISTS', `Cannot handle "${offered.name}" twice in agent "${this.id}"`);
    }
    if (this.#capabilities.length >= limits.capabilitiesMax) {
      const fact = `at most ${limits.capabilitiesMax} capabilities are allowed`;
      throw new YardmasterError('LIMIT', `Cannot handle "${offered.name}" in agent "${this.id}": ${fact}`);
    }
    this.#handlers.set(offered.name, handler);
    this.#capabilities.push(offered);
    this.#session?.offer(this.#offer());
    return this;
  }

  #open(): Session {
    const events: SessionEvents = {
      onOrders: (orders) => this.#runner?.obey(orders),
      onPhase: (phase) => this.#hear(phase),
    };
    const session = this.#createSession(events);
    this.#session = session;
    this.#runner = new AttemptRunner({
      clock: this.#clock,
      tell: (news) => session.tell(news),
      blobs: session,
      calls: session,
      handlers: this.#handlers,
    });
    return session;
  }

  #createSession(events: SessionEvents): Session {
    const { url = process.env.YARDMASTER_URL ?? DEFAULT_URL, token, links, clock, random } = this.#options;
    const link: GrpcLinkOptions = { url, ...(token === undefined ? {} : { token }) };
    const base = { identity: this.#identity(), offer: this.#offer() };
    const isInline = this.#options.inline ?? (links ?? clock ?? random) !== undefined;
    // Also where an invalid URL is told, before a thread starts.
    const carrier = links ?? createGrpcLinks(link);
    if (!isInline) return new WorkerHost({ ...base, link }, this.#clock, events);
    return new SessionRunner({ ...base, clock: this.#clock, random: this.#random, links: carrier, events });
  }

  #connect(session: Session, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let last: LinkStatus | undefined;
      const settle = (settleIt: () => void): void => {
        cancel();
        this.#onPhase = () => {};
        settleIt();
      };
      const cancel = this.#clock.timer(timeoutMs, () =>
        settle(() => {
          session.end('never connected');
          reject(notConnected(this.id, `no Welcome within ${timeoutMs} ms`, last));
        }),
      );
      this.#onPhase = (phase) => {
        if (phase.state === 'WAITING') last = phase.status;
        else if (phase.state === 'CONNECTED') settle(resolve);
        else if (phase.state === 'ENDED') settle(() => reject(notConnected(this.id, `it ended: ${phase.reason}`)));
      };
      session.start();
    });
  }

  #hear(phase: SessionPhase): void {
    const { logger, onStateChange } = this.#options;
    if (phase.state === 'CONNECTED') this.#runner?.resize(phase);
    if (phase.state === 'ENDED') this.#finish(phase.reason);
    this.#onPhase(phase);
    try {
      if (logger !== undefined) logPhase(logger, phase);
      onStateChange?.(phase);
    } catch (error) {
      // The author's own callback failed: loud, but not in the middle of a session.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #finish(reason: string): void {
    clearInterval(this.#keepAlive);
    this.#signals.stop();
    this.#runner?.stopAll('CONTACT_LOST');
    this.#resolveEnded(reason);
  }

  #identity(): Identity {
    const sdk = { name: 'yardmaster', version: VERSION, language: `node ${process.versions.node}` };
    return { agentId: this.id, instanceId: this.instanceId, place: this.#options.place ?? '', sdk };
  }

  #offer(): Offer {
    const { slots = 1, labels = {} } = this.#options;
    return { capabilities: [...this.#capabilities], slots, labels };
  }
}

function refuseInvalid({ id, slots = 1 }: AgentOptions): void {
  const problems: Problem[] = [];
  const check = (ok: boolean, pointer: string, message: string): void => {
    if (!ok) problems.push({ code: 'AGENT_INVALID', message, place: { pointer } });
  };
  check(NAME_PATTERN.test(id), 'id', `id "${id}" is not 1 to 128 of letters, digits, "_", ".", ":" and "-"`);
  const fitsSlots = Number.isSafeInteger(slots) && slots > 0 && slots <= limits.slotsMax;
  check(fitsSlots, 'slots', `slots ${slots} is not a whole number from 1 to ${limits.slotsMax}`);
  if (problems.length === 0) return;
  const facts = problems.map(({ message }) => message).join('; ');
  throw new YardmasterError('AGENT_INVALID', `Cannot create agent "${id}": ${facts}`, { problems });
}

function notConnected(id: string, fact: string, last?: LinkStatus): YardmasterError {
  const why = last === undefined ? '' : `; last answer: ${last.code} ${last.message}`;
  return new YardmasterError('NOT_CONNECTED', `Cannot start agent "${id}": ${fact}${why}`, {
    next: 'check that a control plane runs (yardmaster doctor) and that url and token are right',
    ...(last?.reason === undefined ? {} : { meta: { reason: last.reason } }),
  });
}
