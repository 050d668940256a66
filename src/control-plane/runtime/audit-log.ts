/**
 * The audit log: who asked for what. It makes the entries, and writes those of refused calls.
 *
 * Invariants: 1. an entry of something that was done is in the batch of what was done, so that either both are there or
 * neither; 2. a start has no row of its own, its run's row says the same (docs/adr/0012-audit.md); 3. refusals, which any
 * caller can make in any number, are written up to a limit, and the next one that is written says how many were not.
 */
import type { AuditAction } from '../../core/audit-actions.ts';
import type { Clock } from '../../core/clock.ts';
import { createUlid } from '../../core/ids.ts';
import { limits } from '../../core/limits.ts';
import type { Logger } from '../../core/logger.ts';
import type { Random } from '../../core/random.ts';
import type { AuditRow, AuditSubjectKind, Caller } from '../store/port.ts';
import type { Committer } from './committer.ts';

export interface AuditFacts {
  readonly namespace: string;
  readonly caller: Caller;
  readonly action: AuditAction;
  readonly kind: AuditSubjectKind;
  readonly subject: string;
  /** Absent: none, or not known. */
  readonly workflow?: string;
  readonly version?: number;
  readonly requestId?: string;
  /** Empty ones are left out, long ones are cut. */
  readonly details?: Readonly<Record<string, string>>;
}

export interface AuditLogOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly committer: () => Committer;
}

const WINDOW_MS = 1_000;

export class AuditLog {
  private readonly options: AuditLogOptions;
  private windowStart = Number.NEGATIVE_INFINITY;
  private windowCount = 0;
  /** Refusals without an entry since the last one that has one. */
  private skipped = 0;

  constructor(options: AuditLogOptions) {
    this.options = options;
  }

  /** Nobody outside asked: no entry. */
  entryOf(caller: Caller | undefined, facts: Omit<AuditFacts, 'caller'>): AuditRow | undefined {
    return caller === undefined ? undefined : this.entry({ ...facts, caller });
  }

  /** For the batch of what it tells. */
  entry(facts: AuditFacts, errorCode = ''): AuditRow {
    const { clock, random } = this.options;
    const at = clock.now();
    return {
      id: createUlid(at, random),
      at,
      namespace: facts.namespace,
      caller: facts.caller,
      action: facts.action,
      subjectKind: facts.kind,
      subject: cutChars(facts.subject, limits.auditNameCharsMax),
      workflow: cutChars(facts.workflow ?? '', limits.auditNameCharsMax),
      version: facts.version ?? 0,
      requestId: cutChars(facts.requestId ?? '', limits.auditNameCharsMax),
      errorCode,
      details: tidyDetails(facts.details ?? {}),
    };
  }

  /** Resolves when the entry is durable, or will not be written. */
  async refuse(facts: AuditFacts, errorCode: string): Promise<void> {
    const committer = this.options.committer();
    if (!committer.isWriting || !this.takePlace()) {
      this.skipped += 1;
      return;
    }
    const { skipped } = this;
    this.skipped = 0;
    const details = skipped === 0 ? facts.details : { ...facts.details, skipped: String(skipped) };
    const batch = committer.current;
    batch.audit.push(this.entry({ ...facts, ...(details === undefined ? {} : { details }) }, errorCode));
    const settled = new Promise<boolean>((resolve) => batch.onSettled.push(resolve));
    committer.kick();
    if (await settled) return;
    this.skipped += skipped + 1;
    this.options.logger.warn('a refusal has no entry in the audit log: its commit failed', { action: facts.action });
  }

  private takePlace(): boolean {
    const now = this.options.clock.monotonic();
    if (now - this.windowStart >= WINDOW_MS) {
      this.windowStart = now;
      this.windowCount = 0;
    }
    this.windowCount += 1;
    return this.windowCount <= limits.auditRefusalsPerSecondMax;
  }
}

function tidyDetails(details: Readonly<Record<string, string>>): Record<string, string> {
  const told = Object.entries(details).filter(([, text]) => text !== '');
  return Object.fromEntries(told.map(([key, text]) => [key, cutChars(text, limits.auditDetailCharsMax)]));
}

function cutChars(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax - 1).toWellFormed()}…`;
}
