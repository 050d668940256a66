/** The machine of the control plane: starts its process over the same disk, kills it, lets it stand still. */
import { createHash } from 'node:crypto';
import { fromBinary } from '@bufbuild/protobuf';
import { createAgentService, type SessionWire } from '../../src/control-plane/api/agent-service.ts';
import { InProcessChecks } from '../../src/control-plane/parameters/in-process.ts';
import { type RunningControlPlane, startControlPlane } from '../../src/control-plane/runtime/assembly.ts';
import { createMemoryData, type MemoryData } from '../../src/control-plane/store/memory/memory-data.ts';
import { type Batch, type Store, StoreError } from '../../src/control-plane/store/port.ts';
import { SessionStreams } from '../../src/control-plane/transport/session-stream.ts';
import type { LogFields, Logger } from '../../src/core/logger.ts';
import { noMetrics } from '../../src/core/metrics.ts';
import { givenSecrets } from '../../src/core/secret-provider.ts';
import { type SessionResponse, SessionResponseSchema } from '../../src/gen/opaque/session_pb.ts';
import { BlobCarrier } from './blob-carrier.ts';
import { CallCarrier } from './call-carrier.ts';
import { describeResponse } from './describe.ts';
import type { Dice } from './dice.ts';
import type { Verdict } from './failure.ts';
import { SECRETS } from './secrets.ts';
import { SimClock, type Wall } from './sim-clock.ts';
import { createSimStore, type Disk, type SimStore } from './sim-store.ts';
import type { SqlDisk } from './sql-mirror.ts';
import type { ServerCall } from './stream.ts';
import { Process, type World } from './world.ts';

export interface ControlPlaneHostOptions {
  readonly world: World;
  readonly dice: Dice;
  readonly disk: Disk;
  readonly verdict: Verdict;
  readonly lossWindowMs: number;
  readonly beatIntervalMs: number;
  readonly sqlDisk: SqlDisk | undefined;
  /** Stand between the parts; for planted bugs. */
  readonly wrapWire: (wire: SessionWire) => SessionWire;
  readonly wrapStore: (store: Store) => Store;
}

/** Who looks on. */
export interface HostObserver {
  onCommit(batch: Batch): void;
  onLanded(batch: Batch): void;
  onLeave(call: ServerCall, response: SessionResponse, bytes: number): void;
  onStreamError(call: ServerCall, error: Error): void;
  onUp(): void;
}

export class ControlPlaneHost {
  readonly data: MemoryData = createMemoryData();
  readonly blobs: BlobCarrier;
  readonly agentCalls: CallCarrier;
  process = new Process('cp-0');
  face: RunningControlPlane | undefined = undefined;
  acceptStreams: ((call: ServerCall) => void) | undefined = undefined;
  /** Since when it is up and did not stand still, virtual ms; Infinity while it is not. */
  healthySince = Number.POSITIVE_INFINITY;
  readonly options: ControlPlaneHostOptions;
  observer: HostObserver | undefined = undefined;
  readonly wall: Wall = { aheadMs: 0 };
  /** How far its wall clock was ahead, and off either way, at most, ms. */
  wallAheadMaxMs = 0;
  wallOffMaxMs = 0;
  /** When its wall clock was set, virtual ms. */
  wallSetAt = 0;
  private store: SimStore | undefined = undefined;
  private starts = 0;

  constructor(options: ControlPlaneHostOptions) {
    this.options = options;
    this.process.isDead = true;
    this.blobs = new BlobCarrier(options.world, this);
    this.agentCalls = new CallCarrier(options.world, this);
  }

  get isUp(): boolean {
    return this.face !== undefined && !this.process.isDead;
  }

  start(): void {
    const { world, dice, disk, lossWindowMs, beatIntervalMs } = this.options;
    this.starts += 1;
    const process = new Process(`cp-${this.starts}`);
    const mine = dice.fork(process.name);
    this.process = process;
    const clock = new SimClock(world, process, this.wall);
    const store = createSimStore({
      world,
      dice: mine.fork('disk'),
      process,
      disk,
      data: this.data,
      sql: this.options.sqlDisk?.open(clock),
      onCommit: (batch) => this.observer?.onCommit(batch),
      onLanded: (batch) => this.observer?.onLanded(batch),
    });
    this.store = store;
    const logger = this.loggerOf(process);
    world.log(process.name, 'starts');
    startControlPlane({
      node: process.name,
      clock,
      parameterChecks: new InProcessChecks(),
      random: mine.fork('random').random,
      store: this.options.wrapStore(store.store),
      sha256: (bytes) => createHash('sha256').update(bytes).digest(),
      logger,
      alerts: {
        raise: ({ kind, facts, message }) => {
          // Promise 13: a lease, a timer, a queued task or a named reason to wait.
          if (kind === 'stuck' && facts.reason === 'IDLE')
            this.options.verdict.fail('something brings every open run on', message);
        },
      },
      lossWindowMs,
      beatIntervalMs,
      retentionMs: 0,
      secrets: givenSecrets(SECRETS),
      // Reads of their own would change what the seeds found.
      pastRunsRead: 0,
      stuck: { noAgentMs: 0 },
      onFatal: (error) => this.options.verdict.fail('the process goes on', `fatal: ${error.message}`),
    }).then(
      (face) => this.up(process, face, clock, logger),
      (error) => {
        if (process.isDead) return;
        if (error instanceof StoreError) this.startAgain(process);
        else this.options.verdict.fail('a restart succeeds', String(error));
      },
    );
  }

  /** Whoever looks after the process starts it again: its disk cannot be read now. */
  private startAgain(process: Process): void {
    const { world } = this.options;
    world.log(process.name, 'cannot start');
    this.down();
    world.after(1_000, undefined, 'timer', () => {
      if (this.process === process) this.start();
    });
  }

  /** kill -9: what is not durable is lost, and every connection with it. */
  crash(): void {
    if (this.process.isDead) return;
    this.options.world.log(this.process.name, 'is killed');
    this.down();
  }

  freeze(): void {
    this.options.world.log(this.process.name, 'stands still');
    this.options.world.freeze(this.process);
    this.healthySince = Number.POSITIVE_INFINITY;
  }

  setWall(aheadMs: number): void {
    this.options.world.log('nemesis', `sets the wall clock of the control plane ${aheadMs.toFixed(0)} ms ahead`);
    this.wall.aheadMs = aheadMs;
    this.wallOffMaxMs = Math.max(this.wallOffMaxMs, Math.abs(aheadMs));
    this.wallAheadMaxMs = Math.max(this.wallAheadMaxMs, aheadMs);
    this.wallSetAt = this.options.world.now;
  }

  thaw(process: Process): void {
    if (process.isDead) return;
    this.options.world.log(process.name, 'goes on');
    this.options.world.thaw(process);
    if (process === this.process && this.isUp) this.healthySince = this.options.world.now;
  }

  /** SIGTERM: resolves `onStopped` when the process has ended by itself. */
  stop(onStopped: () => void): void {
    const { face, process } = this;
    if (face === undefined || process.isDead) return onStopped();
    this.options.world.log(process.name, 'stops');
    this.healthySince = Number.POSITIVE_INFINITY;
    face.stop().then(
      () => {
        if (process.isDead) return;
        this.options.world.log(process.name, 'has stopped');
        this.down();
        onStopped();
      },
      (error) => this.options.verdict.fail('a stop succeeds', String(error)),
    );
  }

  private down(): void {
    this.options.world.kill(this.process);
    this.store?.crash();
    this.face = undefined;
    this.acceptStreams = undefined;
    this.healthySince = Number.POSITIVE_INFINITY;
  }

  private up(process: Process, face: RunningControlPlane, clock: SimClock, logger: Logger): void {
    if (process.isDead) return;
    const { world, wrapWire } = this.options;
    const { runs, waiting, leased, idle } = face.recovered;
    world.log(process.name, `is up: ${runs} runs, ${waiting} waiting, ${leased} leased, ${idle.length} idle`);
    const open = createAgentService({ controlPlane: face, metrics: noMetrics, logger, clock });
    const streams = new SessionStreams({
      open: (wire) => open(this.watched(wrapWire(wire))),
      clock,
      logger,
      dropPeer: (peer) => this.dropPeer(peer),
    });
    this.acceptStreams = (call) => {
      this.calls.set(call.getPeer(), call);
      call.on('close', () => this.calls.delete(call.getPeer()));
      call.onLeave = (bytes) => this.leave(process, call, bytes);
      streams.accept(call);
    };
    this.face = face;
    this.healthySince = world.now;
    this.observer?.onUp();
  }

  private readonly calls = new Map<string, ServerCall>();

  private dropPeer(peer: string): void {
    this.options.world.log(this.process.name, `drops the connection of ${peer}`);
    this.calls.get(peer)?.drop();
  }

  private leave(process: Process, call: ServerCall, bytes: Uint8Array): void {
    const response = fromBinary(SessionResponseSchema, bytes);
    this.options.world.log(process.name, `to ${call.getPeer()}: ${describeResponse(response)}`);
    this.observer?.onLeave(call, response, bytes.length);
  }

  /** The transport's end of a stream, so that its ends can be seen. */
  private watched(wire: SessionWire): SessionWire {
    const call = this.calls.get(wire.remote);
    return {
      remote: wire.remote,
      write: (bytes) => {
        const isTaken = wire.write(bytes);
        if (isTaken && call !== undefined) call.accepted += bytes.length;
        return isTaken;
      },
      end: (error) => {
        this.ended(call, error);
        wire.end(error);
      },
      abandon: (last, error) => {
        this.ended(call, error);
        wire.abandon(last, error);
      },
      setReading: (isReading) => wire.setReading?.(isReading),
    };
  }

  private ended(call: ServerCall | undefined, error: Error | undefined): void {
    if (call !== undefined) call.isEnding = true;
    if (call !== undefined && error !== undefined) this.observer?.onStreamError(call, error);
  }

  private loggerOf(process: Process): Logger {
    const { world, verdict } = this.options;
    const line = (level: string, message: string, fields: LogFields = {}): void => {
      if (process.isDead) return;
      const { error, ...rest } = fields;
      const cause = error instanceof Error ? ` ${error.message}` : '';
      world.log(process.name, `${level}: ${message} ${JSON.stringify(rest)}${cause}`);
      if (level === 'error') {
        const stack = error instanceof Error ? `\n${error.stack}` : '';
        verdict.fail('no error is logged', `${message} ${JSON.stringify(rest)}${cause}${stack}`);
      }
    };
    const logger: Logger = {
      debug: () => {},
      info: (message, fields) => line('info', message, fields),
      warn: (message, fields) => line('warn', message, fields),
      error: (message, fields) => line('error', message, fields),
      child: () => logger,
    };
    return logger;
  }
}
