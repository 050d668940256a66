/** One open run in memory: its state, and the commands that wait for it. The run's only writer owns it. */
import type { Redactor } from '../../core/redactor.ts';
import type { Answer, Command } from '../engine/commands.ts';
import type { Usage } from '../engine/events.ts';
import type { RunState } from '../engine/state.ts';
import type { Instance } from '../registry/instance.ts';
import type { SlotUse } from '../scheduler/types.ts';
import type { AuditRow, RunRow, ScheduleChange } from '../store/port.ts';

/** The slot that the scheduler booked, and by what it chose: nothing of it may have changed when the run decides. */
export interface Booking extends SlotUse {
  readonly failedCommits: number;
  readonly offered: Pick<Instance, 'state' | 'operatorLabels'> | undefined;
}

/** A command that is under way. Kept until its batch is durable, so that a failed commit loses nothing. */
export interface Pending {
  readonly runId: string;
  readonly command: Command;
  /** Bytes of a value that the command names as a blob and that this command stores, if it is accepted. */
  readonly attachment: { readonly blobId: string; readonly bytes: Uint8Array } | undefined;
  /** Called once, when what was decided is durable (or nothing had to be). */
  readonly onAnswer: ((answer: Answer) => void) | undefined;
  readonly onError: ((error: Error) => void) | undefined;
  /** Of an AssignStep. */
  readonly booked?: Booking;
  /** What a client asked for: refused with UNAVAILABLE while the store is in trouble. Everything else is kept. */
  readonly isClient: boolean;
  /** Of what somebody asked for: written with what was decided, if that changes anything. */
  readonly audit?: AuditRow;
  /** Of a start by a schedule: written with it, so that a tick and its run are both there or neither. */
  readonly schedule?: ScheduleChange;
  /** Of a start that another run decided: whether that still stands when this one is decided; it may have been undone meanwhile. */
  readonly premise?: { readonly holds: () => boolean; readonly onFallen: () => void };
  /** Of a StartRun: the run may be there already, and is read first. */
  readonly mayExist?: true;
  /** How often its batch failed. */
  failures: number;
}

export class RunHolder {
  readonly runId: string;
  /** Undefined until the journal was folded, and after a failed commit. */
  state: RunState | undefined = undefined;
  /** As it was inserted; undefined for a run that was adopted and not read yet. */
  row: RunRow | undefined = undefined;
  /** In order; not empty only while the state is loading or a decision waits for values. */
  waiting: Pending[] = [];
  isBusy = false;
  /** Rows of its journal since its newest snapshot, or all. */
  rowsSinceSnapshot = 0;
  /** Monotonic ms of the last decision that changed something; 0: none since this process began. */
  movedAt = 0;
  /** Latest checkpoint by step path: the next attempt gets it. */
  checkpoints: Map<string, Uint8Array> | undefined = undefined;
  /** Latest progress by step path, for people. */
  progress: Map<string, { readonly fraction: number; readonly message: string }> | undefined = undefined;
  /** What its attempts that go on have used, by path and number. */
  usage: Map<string, Usage> | undefined = undefined;
  /** Values of secrets that its attempts were given. */
  redactor: Redactor | undefined = undefined;

  constructor(runId: string) {
    this.runId = runId;
  }
}
