/** An agent of frames alone: says what the test says, and keeps what it hears. */
import { encodeAssignment } from '../../../src/control-plane/api/convert/write-dispatch.ts';
import type {
  AgentFrame,
  DispatchFrame,
  HelloFrame,
  ServerFrame,
  SessionReceiver,
  WireAssignment,
} from '../../../src/control-plane/registry/frames.ts';
import { inlineValue } from '../../../src/core/stored-value.ts';
import { encodeValue } from '../../../src/core/value.ts';
import type { TestMesh } from '../../../src/testing/index.ts';

export class RawAgent {
  readonly heard: ServerFrame[] = [];
  /** Undefined: the stream stands. */
  ended: { readonly error: Error | undefined } | undefined;
  readonly #mesh: TestMesh;
  readonly #receiver: SessionReceiver;

  constructor(mesh: TestMesh) {
    this.#mesh = mesh;
    this.#receiver = mesh.controlPlane.openSession({
      remote: 'raw',
      send: (frame) => this.heard.push(frame),
      encode: encodeAssignment,
      end: (error) => {
        this.ended = { error };
      },
    });
  }

  async say(...frames: AgentFrame[]): Promise<this> {
    for (const frame of frames) this.#receiver.frame(frame);
    await this.#mesh.settle();
    return this;
  }

  /** What is queued for it is too much for new work, or no longer. */
  async queueFilled(isFull: boolean): Promise<this> {
    this.#receiver.queueFilled?.(isFull);
    await this.#mesh.settle();
    return this;
  }

  /** Ends the stream as a crash does. */
  async drop(): Promise<void> {
    this.#receiver.ended();
    await this.#mesh.settle();
  }

  /** Without their bytes, which a second assignment need not have. */
  get assignments(): readonly WireAssignment[] {
    return this.#dispatches().flatMap((frame) => frame.assignments.map(({ encoded: _, ...assignment }) => assignment));
  }

  get stops(): readonly string[] {
    return this.#dispatches().flatMap((frame) =>
      frame.stops.map(({ attemptId, reason }) => `${tail(attemptId)} ${reason}`),
    );
  }

  /** Answers to results, in order. */
  get acks(): readonly string[] {
    return this.#dispatches().flatMap((frame) =>
      frame.results.map(({ attemptId, verdict }) => `${tail(attemptId)} ${verdict}`),
    );
  }

  #dispatches(): readonly DispatchFrame[] {
    return this.heard.filter((frame) => frame.type === 'dispatch');
  }
}

function tail(attemptId: string): string {
  return attemptId.slice(attemptId.indexOf('/') + 1);
}

export function hello(instanceId: string, capabilities: readonly string[], more: Partial<HelloFrame> = {}): HelloFrame {
  const offered = capabilities.map((name) => ({
    name,
    version: '',
    description: '',
    idempotent: false,
    concurrency: 0,
    timeoutMs: 0,
    lossWindowMs: 0,
    labels: {},
    inputSchema: undefined,
    outputSchema: undefined,
  }));
  return {
    type: 'hello',
    agentId: 'raw',
    instanceId,
    place: '',
    sdk: { name: 'test', version: '1', language: 'ts' },
    protocolVersion: 1,
    state: { revision: 1, slots: 4, draining: false, labels: {}, capabilities: offered },
    held: [],
    ...more,
  };
}

export function completed(attemptId: string, output: unknown = null): AgentFrame {
  const result = { kind: 'completed' as const, output: inlineValue(encodeValue(output)) };
  return { type: 'report', updates: [], results: [{ attemptId, result }] };
}

export function accepted(attemptId: string): AgentFrame {
  return { type: 'report', updates: [{ type: 'accepted', attemptId }], results: [] };
}
