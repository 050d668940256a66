/** Clients: they start runs under request ids and try again until they are answered, cancel, wait and watch. */

import { isRunOver, type RunStatus } from '../../src/control-plane/engine/status.ts';
import type { RunningControlPlane } from '../../src/control-plane/runtime/assembly.ts';
import type { WatchedEvent } from '../../src/control-plane/runtime/control-plane.ts';
import { isYardmasterError } from '../../src/core/errors.ts';
import { encodeValue } from '../../src/core/value.ts';
import type { Priority, WorkflowDefinition } from '../../src/workflow/definition.ts';
import type { ControlPlaneHost } from './control-plane-host.ts';
import type { Dice } from './dice.ts';
import type { Verdict } from './failure.ts';
import type { OutputReader } from './invariants/output-checks.ts';
import { Process, type World } from './world.ts';

const NAMESPACE = 'default';
const ANSWER_MS = 8_000;
const AGAIN_MS = 700;
/** A place in a workflow that takes one run at a time comes free after minutes: who asks on and on is answered and nothing else. */
const EAGER_CALLS = 100;
const PATIENT_FACTOR = 30;
const WAIT_MS = 4_000;
const READ_AGAIN_MS = 1_500;
/** Of signals: nothing will change when they are sent again. */
const REFUSALS: ReadonlySet<string> = new Set([
  'RUN_OVER',
  'SIGNAL_NOT_FOUND',
  'SIGNAL_NOT_ALLOWED',
  'TOO_MANY_SIGNALS',
]);

export interface ClientObserver {
  /** Inside the control plane, at the moment of the answer. */
  onStarted(requestId: string, runId: string): void;
  onCancelled(runId: string, already: boolean): void;
  onSignalled(runId: string, requestId: string): void;
  onSeen(runId: string, status: RunStatus, position: number): void;
  onWatched(runId: string, event: Extract<WatchedEvent, { kind: 'event' }>): void;
}

export class SimClient {
  readonly process = new Process('client');
  /** Run ids by request id, as they were answered. */
  readonly started = new Map<string, string>();
  /** What clients saw the runs end with. */
  readonly ended = new Map<string, RunStatus>();
  /** Of `started`: those that are another try. */
  retries = 0;
  openRequests = 0;
  openWaits = 0;
  private readonly world: World;
  private readonly dice: Dice;
  private readonly host: ControlPlaneHost;
  private readonly verdict: Verdict;
  private readonly observer: ClientObserver;

  constructor(options: {
    readonly world: World;
    readonly dice: Dice;
    readonly host: ControlPlaneHost;
    readonly verdict: Verdict;
    readonly observer: ClientObserver;
  }) {
    this.world = options.world;
    this.dice = options.dice;
    this.host = options.host;
    this.verdict = options.verdict;
    this.observer = options.observer;
  }

  register(definition: WorkflowDefinition, onDone: () => void): void {
    this.persist(
      (face) => face.registerWorkflow({ namespace: NAMESPACE, definition, validateOnly: false }),
      () => onDone(),
    );
  }

  /** Starts a run, and sometimes asks twice at once: both must be answered with the same run. */
  startRun(
    requestId: string,
    workflow: string,
    parameters: unknown,
    priority: Priority | undefined,
    onStarted: (runId: string) => void,
  ): void {
    const bytes = encodeValue(parameters);
    const ask = (onDone: (runId: string) => void): void => {
      this.openRequests += 1;
      this.persist(
        async (face) => {
          const { runId } = await face.startRun({
            namespace: NAMESPACE,
            workflow,
            version: 0,
            parameters: bytes,
            requestId,
            priority,
            labels: {},
          });
          this.observer.onStarted(requestId, runId);
          return runId;
        },
        (runId) => {
          this.openRequests -= 1;
          onDone(runId);
        },
      );
    };
    ask((runId) => {
      this.answered(requestId, runId);
      onStarted(runId);
    });
    if (this.dice.chance(0.2)) ask((runId) => this.answered(requestId, runId));
  }

  /** Another try of an ended run; its request id is counted as that of a start. */
  retry(requestId: string, runId: string, onStarted: (runId: string) => void): void {
    this.openRequests += 1;
    this.persist(
      async (face) => {
        const started = await face.retryRun({ namespace: NAMESPACE, runId, requestId });
        this.observer.onStarted(requestId, started.runId);
        return started.runId;
      },
      (newRunId) => {
        this.openRequests -= 1;
        this.retries += 1;
        this.answered(requestId, newRunId);
        onStarted(newRunId);
      },
    );
  }

  /** Any other call, asked until it is answered. */
  ask<T>(call: (face: RunningControlPlane) => Promise<T>, onDone: (value: T) => void = () => undefined): void {
    this.openRequests += 1;
    this.persist(call, (value) => {
      this.openRequests -= 1;
      onDone(value);
    });
  }

  cancel(runId: string): void {
    this.openRequests += 1;
    this.persist(
      async (face) => {
        const { alreadyEnding } = await face.cancelRun(NAMESPACE, runId, 'the client has changed its mind');
        this.observer.onCancelled(runId, alreadyEnding);
      },
      () => {
        this.openRequests -= 1;
      },
    );
  }

  /** Pauses a run, and resumes it `forMs` after the pause was answered. */
  pause(runId: string, forMs: number): void {
    this.openRequests += 1;
    this.persist(
      (face) => face.pauseRun(NAMESPACE, runId, 'the client needs a moment'),
      () => this.world.after(forMs, this.process, 'timer', () => this.resume(runId)),
    );
  }

  /** Sends a signal, and sometimes twice at once under the same request id; a refusal is an answer, too. */
  signal(runId: string, name: string, requestId: string, actor: string | undefined, howOften: number): void {
    for (let i = 0; i < howOften; i++) {
      this.openRequests += 1;
      this.persist(
        async (face) => {
          try {
            await face.signalRun({
              namespace: NAMESPACE,
              runId,
              name,
              payload: encodeValue({ from: requestId }),
              requestId,
              caller: { actor, userAgent: '', address: '' },
            });
          } catch (error) {
            if (isYardmasterError(error) && REFUSALS.has(error.code)) return error.code;
            throw error;
          }
          this.observer.onSignalled(runId, requestId);
          return 'sent';
        },
        (answer) => {
          this.openRequests -= 1;
          this.world.log('client', `signal ${requestId} to ${runId.slice(22)}: ${answer}`);
        },
      );
    }
  }

  private resume(runId: string): void {
    this.persist(
      (face) => face.resumeRun(NAMESPACE, runId),
      () => {
        this.openRequests -= 1;
      },
    );
  }

  /** Asks until the run is over. */
  waitFor(runId: string, onEnd: (status: RunStatus) => void = () => undefined): void {
    this.openWaits += 1;
    const ask = (): void =>
      this.persist(
        async (face) => {
          const { state } = await face.getRun(NAMESPACE, runId, { ms: WAIT_MS, signal: new AbortController().signal });
          this.observer.onSeen(runId, state.status, state.position);
          return state.status;
        },
        (status) => {
          if (!isRunOver(status)) return void this.world.after(AGAIN_MS, this.process, 'timer', ask);
          this.openWaits -= 1;
          this.world.log('client', `sees that ${runId.slice(22)} is ${status}`);
          this.ended.set(runId, status);
          onEnd(status);
        },
      );
    ask();
  }

  /** Follows the events of one run in one process of the control plane. */
  watch(runId: string): void {
    const { face, process } = this.host;
    if (face === undefined) return;
    const request = { namespace: NAMESPACE, runId, fromPosition: 0, live: true, signal: new AbortController().signal };
    this.world.after(0, process, 'io', () => void this.follow(face.watchRun(request), runId));
  }

  private async follow(events: AsyncIterable<WatchedEvent>, runId: string): Promise<void> {
    let position = 0;
    try {
      for await (const event of events) {
        if (event.kind === 'live') continue;
        this.verdict.check(
          event.position === position,
          'a watch has no gap',
          () => `${runId}: ${event.position} comes after ${position - 1}`,
        );
        position += 1;
        this.observer.onWatched(runId, event);
      }
    } catch (error) {
      this.world.log('client', `watch failed: ${String(error)}`);
    }
  }

  /** Reads what a step writes to its end, over every restart. */
  read(reader: OutputReader): void {
    const { face, process } = this.host;
    if (reader.isOver || this.verdict.isFailed) return;
    const stop = new AbortController();
    const { runId, path, at } = reader;
    const again = (): void => {
      const isHere = this.host.face === face && face !== undefined;
      if (isHere && !stop.signal.aborted) return void this.world.after(READ_AGAIN_MS, this.process, 'timer', again);
      stop.abort();
      this.read(reader);
    };
    this.world.after(READ_AGAIN_MS, this.process, 'timer', again);
    if (face === undefined) return;
    const request = { namespace: NAMESPACE, runId, path, storedOnly: false, signal: stop.signal };
    const follow = async (): Promise<void> => {
      for await (const item of face.watchOutput(at === undefined ? request : { ...request, after: at })) {
        if (stop.signal.aborted || this.host.face !== face) return;
        reader.take(item);
      }
    };
    const failed = (error: unknown): void => {
      const isGone = isYardmasterError(error) && (error.code === 'STEP_NOT_FOUND' || error.code === 'RUN_NOT_FOUND');
      reader.isOver ||= isGone;
      stop.abort();
    };
    this.world.after(0, process, 'io', () => void follow().then(() => stop.abort(), failed));
  }

  private answered(requestId: string, runId: string): void {
    const known = this.started.get(requestId);
    this.verdict.check(
      known === undefined || known === runId,
      'one request id is one run',
      () => `request ${requestId} was answered with ${known} and with ${runId}`,
    );
    this.started.set(requestId, runId);
  }

  /** One call, repeated until it is answered with something else than an error. */
  private persist<T>(call: (face: RunningControlPlane) => Promise<T>, onDone: (value: T) => void, asked = 0): void {
    const { world, host } = this;
    let isOver = false;
    const again = (why: string): void => {
      if (isOver) return;
      isOver = true;
      world.log('client', `asks again: ${why}`);
      const pauseMs = this.dice.between(1, AGAIN_MS) * (asked < EAGER_CALLS ? 1 : PATIENT_FACTOR);
      world.after(pauseMs, this.process, 'timer', () => this.persist(call, onDone, asked + 1));
    };
    const { face, process } = host;
    if (face === undefined || process.isDead) return again('nobody there');
    const latency = (): number => this.dice.skewed(0.1, 20);
    world.after(ANSWER_MS, this.process, 'timer', () => again('no answer'));
    world.after(latency(), process, 'io', () => {
      try {
        call(face).then(
          (value) =>
            world.after(latency(), this.process, 'io', () => {
              if (isOver) return;
              isOver = true;
              onDone(value);
            }),
          (error) => world.after(latency(), this.process, 'io', () => again(describe(error))),
        );
      } catch (error) {
        world.after(latency(), this.process, 'io', () => again(describe(error)));
      }
    });
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
