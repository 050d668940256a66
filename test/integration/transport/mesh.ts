/** The real control plane over a memory store behind a real port, and an agent that speaks frames by hand. */
import { createHash } from 'node:crypto';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { createAgentService } from '../../../src/control-plane/api/agent-service.ts';
import { mountServices } from '../../../src/control-plane/api/services.ts';
import { GuardedChecks } from '../../../src/control-plane/parameters/guarded.ts';
import { type RunningControlPlane, startControlPlane } from '../../../src/control-plane/runtime/assembly.ts';
import { createMemoryStore } from '../../../src/control-plane/store/index.ts';
import { type BoundService, bindService } from '../../../src/control-plane/transport/grpc-adapter.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { noMetrics } from '../../../src/core/metrics.ts';
import { systemRandom } from '../../../src/core/random.ts';
import type { Assignment, ResultVerdict } from '../../../src/gen/yardmaster/v1/dispatch_pb.ts';
import { SessionRequestSchema } from '../../../src/gen/yardmaster/v1/session_request_pb.ts';
import { type SessionResponse, SessionResponseSchema } from '../../../src/gen/yardmaster/v1/session_response_pb.ts';
import { eventually, Rig } from './rig.ts';

export class Mesh implements AsyncDisposable {
  readonly controlPlane: RunningControlPlane;
  readonly rig: Rig;

  private constructor(controlPlane: RunningControlPlane, rig: Rig) {
    this.controlPlane = controlPlane;
    this.rig = rig;
  }

  static async start(): Promise<Mesh> {
    const controlPlane = await startControlPlane({
      node: 'n-test',
      clock: systemClock,
      random: systemRandom,
      store: createMemoryStore(),
      parameterChecks: new GuardedChecks(),
      sha256: (bytes) => createHash('sha256').update(bytes).digest(),
    });
    const services: BoundService[] = [];
    mountServices({ controlPlane, clock: systemClock }, (service, impl) => services.push(bindService(service, impl)));
    const openSession = createAgentService({
      controlPlane,
      clock: systemClock,
      metrics: noMetrics,
      logger: silentLogger,
    });
    return new Mesh(controlPlane, await Rig.start(services, { openSession, health: controlPlane }));
  }

  agent(agentId: string, capabilities: readonly string[]): HandAgent {
    return new HandAgent(this.rig.stream().call, { agentId, capabilities: capabilities.map((name) => ({ name })) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.controlPlane.stop();
    await this.rig[Symbol.asyncDispose]();
  }
}

type Report = Extract<NonNullable<MessageInitShape<typeof SessionRequestSchema>['frame']>, { case: 'report' }>['value'];

export interface HandAgentOptions {
  readonly agentId: string;
  /** Default: the first instance of that agent. */
  readonly instanceId?: string;
  readonly capabilities: readonly { readonly name: string; readonly idempotent?: boolean }[];
  /** Default 4. */
  readonly slots?: number;
}

/** An agent whose every frame the test writes itself. */
export class HandAgent {
  readonly frames: SessionResponse['frame'][] = [];
  readonly assignments: Assignment[] = [];
  private readonly call: ClientDuplexStream<Buffer, Buffer>;

  constructor(call: ClientDuplexStream<Buffer, Buffer>, options: HandAgentOptions) {
    const { agentId, instanceId = `${agentId}-1`, capabilities, slots = 4 } = options;
    this.call = call;
    call.on('error', () => {});
    call.on('data', (bytes: Buffer) => this.take(fromBinary(SessionResponseSchema, bytes).frame));
    const offered = capabilities.map((capability) => ({ version: '1.2.0', ...capability }));
    const state = { revision: 1, slots, capabilities: offered };
    this.send({ case: 'hello', value: { agentId, instanceId, protocolVersion: 1, sdk: { name: 'by hand' }, state } });
  }

  send(frame: NonNullable<MessageInitShape<typeof SessionRequestSchema>['frame']>): void {
    this.sendBytes(Buffer.from(toBinary(SessionRequestSchema, create(SessionRequestSchema, { frame }))));
  }

  sendBytes(bytes: Buffer): void {
    this.call.write(bytes);
  }

  /** Ends the stream as a crash does. */
  crash(): void {
    this.call.cancel();
  }

  report(value: Report): void {
    this.send({ case: 'report', value });
  }

  async assignment(count: number): Promise<Assignment> {
    await eventually(() => this.assignments.length >= count);
    const assignment = this.assignments[count - 1];
    if (assignment === undefined) throw new Error('no assignment');
    return assignment;
  }

  /** Answers to results, in order. */
  get verdicts(): readonly ResultVerdict[] {
    return this.frames.flatMap((frame) =>
      frame.case === 'dispatch' ? (frame.value.acks?.results ?? []).map(({ verdict }) => verdict) : [],
    );
  }

  private take(frame: SessionResponse['frame']): void {
    this.frames.push(frame);
    if (frame.case === 'dispatch') this.assignments.push(...frame.value.assignments);
  }
}
