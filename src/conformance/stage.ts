/**
 * The world of one situation: a scripted control plane on a loopback port and the agent under test. Owns both and ends them.
 */
import { ResultVerdict, StopReason } from '../gen/yardmaster/v1/dispatch_pb.ts';
import type {
  AttemptCancelled,
  AttemptCompleted,
  AttemptFailed,
  AttemptHandedBack,
  AttemptResult,
} from '../gen/yardmaster/v1/report_pb.ts';
import { GoAwayReason } from '../gen/yardmaster/v1/session_response_pb.ts';
import type { AgentExit, AgentLauncher, RunningAgent } from './agent-launcher.ts';
import { AgentStream, type Manners } from './agent-stream.ts';
import { type AssignmentOptions, makeAssignment } from './assignments.ts';
import { resultsOf, type Told, told } from './attempts.ts';
import { BlobDesk } from './blob-desk.ts';
import { Breach, Unsupported } from './breach.ts';
import { nameOf, resultText } from './frame-text.ts';
import { codes, type GrpcCall } from './grpc-call.ts';
import { Port } from './port.ts';
import { Waits } from './waits.ts';

const SESSION = '/yardmaster.v1.AgentService/Session';
/** From the start of a process to its Hello: some runtimes take their time. */
const START_MS = 20_000;
/** For what has no clause with a time of its own. */
const SOON_MS = 3_000;

export interface StageOptions {
  readonly launch: AgentLauncher;
  readonly manners: Manners;
  readonly env: Readonly<Record<string, string>>;
  /** Multiplies the times that an agent has for something. */
  readonly patience: number;
}

export interface AssignOptions extends AssignmentOptions {
  readonly to?: AgentStream;
}

interface Ends {
  readonly completed: AttemptCompleted;
  readonly failed: AttemptFailed;
  readonly cancelled: AttemptCancelled;
  readonly handedBack: AttemptHandedBack;
}

export class Stage extends Waits {
  readonly blobs = new BlobDesk(this.tape);
  readonly manners: Manners;
  readonly streams: AgentStream[] = [];
  /** Ids of everything that was assigned, and of everything that was told to stop. */
  readonly assigned = new Set<string>();
  readonly stopped = new Set<string>();
  /** Ids that have a result. */
  readonly results = new Set<string>();
  readonly port = new Port((call) => this.#serve(call));
  exit: AgentExit | undefined;
  readonly #options: StageOptions;
  readonly #ports = [this.port];
  #agent: RunningAgent | undefined;
  #arrivals = 0;
  #steps = 0;

  constructor(options: StageOptions) {
    super(options.patience);
    this.#options = options;
    this.manners = options.manners;
    this.tape.watch((entry) => {
      if (entry.kind !== 'received' || entry.frame.case !== 'report') return;
      for (const { attemptId } of entry.frame.value.results) this.results.add(attemptId);
    });
  }

  get end(): string | undefined {
    return this.exit === undefined ? undefined : (this.exit.signal ?? `code ${this.exit.code}`);
  }

  // ---- the agent

  launch(): RunningAgent {
    const { env, launch } = this.#options;
    const agent = launch({ ...env, YARDMASTER_URL: `http://${this.port.address}` });
    this.#agent = agent;
    this.exit = undefined;
    this.tape.note(0, 'the agent is started');
    void agent.exited.then((exit) => {
      if (this.#agent !== agent) return;
      this.exit = exit;
      this.tape.note(0, `the agent's process ended with ${exit.signal ?? `code ${exit.code}`}`);
    });
    return agent;
  }

  leave(): void {
    this.tape.note(0, 'the agent is told to leave (SIGTERM)');
    this.#agent?.leave();
  }

  output(): readonly string[] {
    return this.#agent?.output() ?? [];
  }

  /** Ends the agent and waits until it is gone. */
  async kill(): Promise<void> {
    this.#agent?.kill();
    await this.#agent?.exited;
  }

  async close(): Promise<void> {
    await this.kill();
    await Promise.all(this.#ports.map((port) => port.close()));
  }

  /** A second address of this control plane. */
  async openAnother(): Promise<Port> {
    const port = new Port((call) => this.#serve(call));
    this.#ports.push(port);
    await port.open();
    return port;
  }

  // ---- streams

  /** The newest stream. */
  get stream(): AgentStream {
    const stream = this.streams.at(-1);
    if (stream === undefined) throw new TypeError('no stream has been opened yet');
    return stream;
  }

  /** The next stream with a Hello. */
  async arrive(clauses: readonly string[] = ['H-1'], withinMs = START_MS): Promise<AgentStream> {
    const number = ++this.#arrivals;
    return this.until(clauses, `a Hello on stream ${number}`, withinMs, () => {
      const stream = this.streams[number - 1];
      return stream?.hello === undefined ? undefined : stream;
    });
  }

  /** Ends the connection of a stream without a word. */
  cut(stream: AgentStream): void {
    this.tape.note(stream.number, 'the connection is cut');
    for (const port of this.#ports) port.cut(stream.call.remotePort);
  }

  goAway(reason: GoAwayReason, more: { addresses?: string[]; reconnectWithinMs?: number } = {}): void {
    this.stream.send({ case: 'goAway', value: { reason, message: nameOf(GoAwayReason, reason), ...more } });
  }

  // ---- work

  get slots(): number {
    return this.stream.hello?.state?.slots ?? 0;
  }

  offers(capability: string): boolean {
    return this.stream.hello?.state?.capabilities.some(({ name }) => name === capability) ?? false;
  }

  need(...capabilities: string[]): void {
    const missing = capabilities.filter((name) => !this.offers(name));
    if (missing.length > 0) throw new Unsupported(`it does not offer ${missing.join(', ')}`);
  }

  needSlots(count: number): void {
    if (this.slots < count) throw new Unsupported(`it has ${this.slots} slots, and ${count} are needed`);
  }

  /** An assignment of its own, and its attempt id. Nothing is sent. */
  prepare(capability: string, input: unknown, options: AssignmentOptions = {}) {
    const assignment = makeAssignment(`step-${++this.#steps}`, capability, input, options);
    return { id: assignment.attemptId, assignment };
  }

  assign(capability: string, input: unknown, { to = this.stream, ...options }: AssignOptions = {}): string {
    this.need(capability);
    const { id, assignment } = this.prepare(capability, input, options);
    this.dispatch([assignment], to);
    return id;
  }

  dispatch(assignments: ReturnType<typeof makeAssignment>[], to = this.stream): void {
    for (const { attemptId } of assignments) this.assigned.add(attemptId);
    to.send({ case: 'dispatch', value: { assignments } });
  }

  stop(id: string, graceMs = 0, reason: StopReason = StopReason.CANCELLED): void {
    this.stopped.add(id);
    this.stream.send({ case: 'dispatch', value: { stops: [{ attemptId: id, reason, graceMs }] } });
  }

  ack(id: string, verdict: ResultVerdict = ResultVerdict.ACCEPTED): void {
    this.stream.send({ case: 'dispatch', value: { acks: { results: [{ attemptId: id, verdict }] } } });
  }

  accepted(id: string, withinMs = SOON_MS): Promise<Told<unknown>> {
    return this.until(['U-1'], `that ${id} is accepted`, withinMs, () => told(this.tape, id, 'accepted')[0]);
  }

  /** The first result of the attempt. */
  result(id: string, withinMs = SOON_MS, clauses: readonly string[] = ['R-1']): Promise<Told<AttemptResult>> {
    return this.until(clauses, `a result of ${id}`, withinMs, () => resultsOf(this.tape, id)[0]);
  }

  /** The first result, which must be of this kind. */
  async ends<Case extends keyof Ends>(
    id: string,
    kind: Case,
    { withinMs = SOON_MS, clauses = ['R-1'] }: { withinMs?: number; clauses?: readonly string[] } = {},
  ): Promise<Ends[Case]> {
    const { value } = await this.result(id, withinMs, clauses);
    if (value.result.case !== kind) throw new Breach(clauses, `that ${id} ends ${kind}`, resultText(value));
    // The case was looked at.
    return value.result.value as Ends[Case];
  }

  // ---- the end

  /** The exit code after the agent has left by itself. */
  exits(clauses: readonly string[], withinMs: number): Promise<AgentExit> {
    return this.until(clauses, 'that its process ends', withinMs, () => this.exit);
  }

  #serve(call: GrpcCall): void {
    if (call.path === SESSION) {
      const stream = new AgentStream(this.streams.length + 1, call, this.tape, this.manners);
      this.streams.push(stream);
    } else if (!this.blobs.serve(call)) {
      call.end({ code: codes.unimplemented, message: `${call.path} is not served` });
    }
  }
}
