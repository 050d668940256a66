/**
 * The schedules in memory: what is durable, when each ticks next, and whose turn it is.
 *
 * Invariants: 1. a row is here when it is durable and not before; 2. changes of one schedule, by callers and by ticks, are made one
 * after another, each on what the one before it made durable.
 */

import { toYardmasterError } from '../../core/errors.ts';
import { ticksAfter } from '../../workflow/cron.ts';
import type { AuditRow, ScheduleChange, ScheduleKey, ScheduleRow, Store } from '../store/port.ts';
import type { Committer } from './committer.ts';
import { isUndecided } from './undecided.ts';

const PAGE = 500;

export interface ScheduleBookOptions {
  readonly store: Store;
  readonly committer: () => Committer;
  /** Nobody changes this schedule any more; it may tick at another time than before. */
  readonly onTurnEnd: () => void;
}

export interface ScheduleEntry {
  readonly row: ScheduleRow;
  /** Wall ms; undefined: paused, or there is no tick left. */
  readonly nextAt: number | undefined;
}

export class ScheduleBook {
  private readonly options: ScheduleBookOptions;
  private readonly entries = new Map<string, ScheduleEntry>();
  private readonly turns = new Map<string, Promise<unknown>>();
  /** A change of these failed, and its commit may have landed for all that. */
  private readonly doubtful = new Set<string>();

  constructor(options: ScheduleBookOptions) {
    this.options = options;
  }

  /** Reads what the store has. */
  async load(): Promise<void> {
    for (let after: ScheduleKey | undefined; ; ) {
      const page = await this.options.store.loadSchedules(after, PAGE);
      for (const row of page) this.keep(row);
      after = page.at(-1);
      if (page.length < PAGE) return;
    }
  }

  get size(): number {
    return this.entries.size;
  }

  /** True while a change is under way. */
  get isBusy(): boolean {
    return this.turns.size > 0;
  }

  find(key: ScheduleKey): ScheduleRow | undefined {
    return this.entries.get(keyOf(key))?.row;
  }

  list(namespace: string, after: string, limit: number): readonly ScheduleRow[] {
    return this.rows(namespace)
      .filter(({ name }) => name > after)
      .sort((left, right) => (left.name < right.name ? -1 : 1))
      .slice(0, limit);
  }

  names(namespace: string): readonly string[] {
    return this.rows(namespace).map(({ name }) => name);
  }

  all(): Iterable<ScheduleEntry> {
    return this.entries.values();
  }

  /** Runs `work` after everything that is under way for this schedule. Rejects with the error of `work`, or of a read of the store. */
  inTurn<T>(key: ScheduleKey, work: () => Promise<T>): Promise<T> {
    const id = keyOf(key);
    // Never rejects.
    const before = this.turns.get(id) ?? Promise.resolve();
    const mine = before.then(() => this.readAgain(key)).then(work);
    const turn = mine
      .catch((error) => {
        if (isUndecided(toYardmasterError(error))) this.doubtful.add(id);
      })
      .then(() => {
        if (this.turns.get(id) !== turn) return;
        this.turns.delete(id);
        this.options.onTurnEnd();
      });
    this.turns.set(id, turn);
    return mine;
  }

  isTaken(key: ScheduleKey): boolean {
    return this.turns.has(keyOf(key));
  }

  /** Makes a change durable, then takes it in. A commit that failed is made again: after an unclear one nobody knows, and the change is the same. */
  async write(change: ScheduleChange, audit?: AuditRow): Promise<void> {
    for (;;) {
      const batch = this.options.committer().current;
      batch.schedules.push(change);
      if (audit !== undefined) batch.audit.push(audit);
      const settled = new Promise<boolean>((resolve) => batch.onSettled.push(resolve));
      this.options.committer().kick();
      if (await settled) break;
    }
    this.tookChange(change);
  }

  /** Takes in what was made durable with something else. */
  took(row: ScheduleRow): void {
    this.keep(row);
  }

  tookChange(change: ScheduleChange): void {
    if (change.type === 'put') this.keep(change.row);
    else this.entries.delete(keyOf(change));
  }

  private async readAgain(key: ScheduleKey): Promise<void> {
    const id = keyOf(key);
    if (!this.doubtful.has(id)) return;
    const row = await this.options.store.getSchedule(key);
    if (row === undefined) this.entries.delete(id);
    else this.keep(row);
    this.doubtful.delete(id);
  }

  private keep(row: ScheduleRow): void {
    const nextAt = row.isPaused ? undefined : ticksAfter(row.spec, row.seenAt, 1)[0];
    this.entries.set(keyOf(row), { row, nextAt });
  }

  private rows(namespace: string): ScheduleRow[] {
    return [...this.entries.values()].map(({ row }) => row).filter((row) => row.namespace === namespace);
  }
}

function keyOf({ namespace, name }: ScheduleKey): string {
  return `${namespace}\0${name}`;
}
