/** Assignments on their way to an instance: made from the run's state, filled with their input and its secrets, and sent. */
import type { Clock } from '../../core/clock.ts';
import { formatAttemptId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import { limits, times } from '../../core/limits.ts';
import type { SecretMark } from '../../core/secret-mark.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import type { CompiledAgentNode } from '../../workflow/compiled.ts';
import { findAttempt } from '../engine/attempts.ts';
import type { Dispatch } from '../engine/commands.ts';
import type { Failure } from '../engine/events.ts';
import { findAgentStep } from '../engine/frames.ts';
import type { RunState } from '../engine/state.ts';
import type { Fleet } from '../registry/fleet.ts';
import type { WireAssignment } from '../registry/frames.ts';
import { capabilityOf, type HeldAttempt, type Instance } from '../registry/instance.ts';
import type { Blobs } from './blobs.ts';
import type { Outbox } from './outbox.ts';
import { isReadTrouble, READ_RETRY_MS } from './read-trouble.ts';
import type { SchemaChecks } from './schema-checks.ts';
import type { Resolved } from './secrets.ts';

const NO_METADATA: JsonObject = {};

export interface AssignmentsOptions {
  readonly clock: Clock;
  readonly fleet: Fleet;
  readonly blobs: Blobs;
  readonly outbox: Outbox;
  readonly schemas: SchemaChecks;
  readonly registryTime: () => number;
  /** Puts secrets into an input. */
  readonly resolve: (runId: string, input: Uint8Array, marks: readonly SecretMark[]) => Resolved;
  /** An attempt was leased and cannot be sent. */
  readonly onUnsendable: (attempt: HeldAttempt, failure: Pick<Failure, 'code' | 'message'>) => void;
  readonly onBlobMissing: (runId: string, path: string, error: unknown) => void;
}

export class Assignments {
  private readonly options: AssignmentsOptions;
  private readonly release: (instanceId: string, attemptId: string) => void;

  /** `release`: the attempt is not sent after all, and its slot is free. */
  constructor(options: AssignmentsOptions, release: (instanceId: string, attemptId: string) => void) {
    this.options = options;
    this.release = release;
  }

  /** The assignment of a live attempt, made anew from the run's state (for an instance that came back without it). */
  ofLive(
    state: RunState,
    path: string,
    number: number,
    checkpoint: Uint8Array | undefined,
  ): WireAssignment | undefined {
    const step = findAgentStep(state, path);
    const attempt = step === undefined ? undefined : findAttempt(step, number);
    if (attempt === undefined || attempt.outcome !== undefined || step?.input === undefined) return undefined;
    return this.build(state, step.node, { ...attempt, path, input: step.input }, checkpoint);
  }

  build(
    state: RunState,
    node: CompiledAgentNode,
    attempt: Pick<Dispatch, 'path' | 'number' | 'try' | 'instanceId' | 'idempotent' | 'input' | 'deadlineAt'>,
    checkpoint: Uint8Array | undefined,
  ): WireAssignment {
    const { path, number } = attempt;
    const secrets = state.secrets.length === 0 ? undefined : findAgentStep(state, path)?.detail?.secrets;
    const instance = this.options.fleet.instances.get(attempt.instanceId);
    const capability = instance === undefined ? undefined : capabilityOf(instance, node.action);
    return {
      attemptId: formatAttemptId({ runId: state.runId, path, number }),
      runId: state.runId,
      workflow: state.workflow.name,
      path,
      number,
      try: attempt.try,
      capability: node.action,
      capabilityVersion: capability?.version ?? '',
      input: attempt.input,
      ...(secrets === undefined ? {} : { secrets }),
      timeoutMs: attempt.deadlineAt === 0 ? 0 : Math.max(1, Math.round(attempt.deadlineAt - this.options.clock.now())),
      idempotencyKey: `${state.runId}/${path}`,
      idempotent: attempt.idempotent,
      lossWindowMs: node.lossWindowMs ?? capability?.lossWindowMs ?? 0,
      heartbeatTimeoutMs: node.heartbeatTimeoutMs ?? 0,
      checkpoint,
      priority: node.priority ?? state.priority,
      metadata: node.metadata ?? NO_METADATA,
    };
  }

  /**
   * Sends an assignment to an instance that still holds it; the input is fetched first when it is not at hand. A promise when it
   * has not left yet.
   */
  send(instance: Instance, held: HeldAttempt, assignment: WireAssignment): Promise<void> | undefined {
    if (instance.peer === undefined || instance.held.get(held.attemptId) !== held) return undefined;
    // It ended before it left: the agent will never have it, and nobody would confirm that it stopped.
    if (held.isFenced) {
      this.release(instance.instanceId, held.attemptId);
      return undefined;
    }
    const ready = this.options.blobs.forWire(held.runId, assignment.input);
    if (ready !== undefined && assignment.secrets !== undefined)
      return this.sendSecret(instance, held, assignment, ready);
    if (ready !== undefined) {
      const complete = ready === assignment.input ? assignment : { ...assignment, input: ready };
      return this.sendFit(instance, held, complete);
    }
    return this.options.blobs.read(held.runId, assignment.input).then(
      async (bytes) => {
        if (instance.held.get(held.attemptId) !== held) return;
        if (held.isFenced) return this.release(instance.instanceId, held.attemptId);
        const input = { kind: 'inline', bytes } as const;
        const sent =
          assignment.secrets === undefined
            ? this.sendFit(instance, held, { ...assignment, input })
            : this.sendSecret(instance, held, assignment, input);
        this.options.outbox.flushSoon();
        await sent;
      },
      (error) => {
        if (!isReadTrouble(error)) return this.options.onBlobMissing(held.runId, held.path, error);
        this.options.clock.timer(READ_RETRY_MS, () => void this.send(instance, held, assignment));
      },
    );
  }

  /** The values are in this frame and nowhere else. */
  private sendSecret(
    instance: Instance,
    held: HeldAttempt,
    { secrets = [], ...assignment }: WireAssignment,
    input: StoredValue,
  ): Promise<void> | undefined {
    const resolved = this.resolve(held.runId, input, secrets);
    if ('bytes' in resolved)
      return this.sendFit(instance, held, { ...assignment, input: { kind: 'inline', bytes: resolved.bytes } });
    this.release(instance.instanceId, held.attemptId);
    this.options.onUnsendable(held, resolved.failure);
    return undefined;
  }

  /** An input that does not fit the schema of the instance is not sent: its step ends. */
  private sendFit(instance: Instance, held: HeldAttempt, assignment: WireAssignment): Promise<void> | undefined {
    const { input, capability } = assignment;
    const checked = this.options.schemas.check('input', capabilityOf(instance, capability), input);
    if (checked === undefined) {
      this.hand(instance, held, assignment);
      return undefined;
    }
    const needsAcceptance = held.acceptUntil > 0;
    held.acceptUntil = 0;
    return checked.then((misfit) => {
      // It left, or has come back meanwhile and was sent it.
      if (instance.peer === undefined || instance.held.get(held.attemptId) !== held || held.isSent) return;
      if (misfit !== undefined || held.isFenced) this.release(instance.instanceId, held.attemptId);
      if (held.isFenced) return;
      if (misfit !== undefined) return this.options.onUnsendable(held, misfit);
      // Its time to accept begins now.
      if (needsAcceptance) held.acceptUntil = this.options.registryTime() + times.acceptMs;
      this.options.fleet.hold(instance, held);
      this.hand(instance, held, assignment);
      this.options.outbox.flushSoon();
    });
  }

  private hand(instance: Instance, held: HeldAttempt, assignment: WireAssignment): void {
    held.isSent = true;
    this.options.outbox.assign(instance, assignment);
    if (held.stop === undefined) return;
    // It was told before it had the attempt, and for nothing: it did not know yet what was to stop.
    held.stopSent = undefined;
    this.options.outbox.stop(instance, held.stop);
  }

  private resolve(runId: string, input: StoredValue, marks: readonly SecretMark[]): Resolved {
    if (input.kind === 'blob') return tooLarge(input.size);
    const resolved = this.options.resolve(runId, input.bytes, marks);
    const size = 'bytes' in resolved ? resolved.bytes.length : 0;
    return size > limits.inlineWireBytesMax ? tooLarge(size) : resolved;
  }
}

/** With its bytes, if it goes out as it is. */
export function encoded({ peer }: Instance, assignment: WireAssignment): WireAssignment {
  if (peer === undefined || assignment.secrets !== undefined || assignment.input.kind !== 'inline') return assignment;
  return { ...assignment, encoded: peer.encode(assignment) };
}

/** What does not fit a frame is fetched as it is stored, which is without the secrets. */
function tooLarge(size: number): Resolved {
  const message = `Cannot send an input of ${size} bytes with secrets in it: at most ${limits.inlineWireBytesMax}`;
  return { failure: { code: 'LIMIT', message } };
}
