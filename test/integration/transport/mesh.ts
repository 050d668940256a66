/** The real control plane over a memory store behind a real port, and an agent that speaks frames by hand. */
import { createHash } from 'node:crypto';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { createAgentService } from '../../../src/control-plane/api/agent-service.ts';
import { mountServices } from '../../../src/control-plane/api/services.ts';
import { type RunningControlPlane, startControlPlane } from '../../../src/control-plane/runtime/assembly.ts';
import { createMemoryStore } from '../../../src/control-plane/store/index.ts';
import { type BoundService, bindService } from '../../../src/control-plane/transport/grpc-adapter.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { noMetrics } from '../../../src/core/metrics.ts';
import { systemRandom } from '../../../src/core/random.ts';
import { AgentService } from '../../../src/gen/yardmaster/v1/agent_service_pb.ts';
import type { Assignment } from '../../../src/gen/yardmaster/v1/dispatch_pb.ts';
import { SessionRequestSchema } from '../../../src/gen/yardmaster/v1/session_request_pb.ts';
import { type SessionResponse, SessionResponseSchema } from '../../../src/gen/yardmaster/v1/session_response_pb.ts';
import { eventually, pathOf, Rig } from './rig.ts';

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
    const same = (bytes: Buffer): Buffer => bytes;
    const call = this.rig.client().makeBidiStreamRequest(pathOf(AgentService.method.session), same, same);
    return new HandAgent(call, agentId, capabilities);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.controlPlane.stop();
    await this.rig[Symbol.asyncDispose]();
  }
}

type Report = Extract<NonNullable<MessageInitShape<typeof SessionRequestSchema>['frame']>, { case: 'report' }>['value'];

/** An agent whose every frame the test writes itself. */
export class HandAgent {
  readonly frames: SessionResponse['frame'][] = [];
  readonly assignments: Assignment[] = [];
  private readonly call: ClientDuplexStream<Buffer, Buffer>;

  constructor(call: ClientDuplexStream<Buffer, Buffer>, agentId: string, capabilities: readonly string[]) {
    this.call = call;
    call.on('error', () => {});
    call.on('data', (bytes: Buffer) => this.take(fromBinary(SessionResponseSchema, bytes).frame));
    const state = { revision: 1, slots: 4, capabilities: capabilities.map((name) => ({ name, version: '1.2.0' })) };
    const hello = { agentId, instanceId: `${agentId}-1`, protocolVersion: 1, sdk: { name: 'by hand' }, state };
    this.send({ case: 'hello', value: hello });
  }

  send(frame: NonNullable<MessageInitShape<typeof SessionRequestSchema>['frame']>): void {
    this.call.write(Buffer.from(toBinary(SessionRequestSchema, create(SessionRequestSchema, { frame }))));
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

  private take(frame: SessionResponse['frame']): void {
    this.frames.push(frame);
    if (frame.case === 'dispatch') this.assignments.push(...frame.value.assignments);
  }
}
