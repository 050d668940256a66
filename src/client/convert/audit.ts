/** Entries of the audit log from the wire, and what is asked of them. */
import { type Timestamp, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { AuditEntry } from '../../gen/yardmaster/v1/audit_pb.ts';
import { readActorProof, readAuditOutcome, readAuditSubjectKind } from '../statuses.ts';
import type { AuditEntryView } from '../views.ts';
import { textOrNone, toDate } from './wire.ts';

/** All that is given must fit. */
export interface AuditFilter {
  /** Such as `run.cancel`. */
  readonly action?: string;
  /** A whole run id, or the name of a workflow: of it and all its runs. */
  readonly subject?: string;
  /** A name; `anonymous` for callers without one. */
  readonly actor?: string;
  /** From this time on. */
  readonly since?: Date;
  /** Before this time. */
  readonly until?: Date;
}

export interface WireAuditFilter {
  readonly action: string;
  readonly subject: string;
  readonly actor: string;
  readonly since?: Timestamp;
  readonly until?: Timestamp;
}

export function writeAuditFilter({ action, subject, actor, since, until }: AuditFilter): WireAuditFilter {
  return {
    action: action ?? '',
    subject: subject ?? '',
    actor: actor ?? '',
    ...(since === undefined ? {} : { since: timestampFromDate(since) }),
    ...(until === undefined ? {} : { until: timestampFromDate(until) }),
  };
}

export function toAuditEntry(entry: AuditEntry): AuditEntryView {
  const { actor, subject } = entry;
  return {
    entryId: entry.entryId,
    time: toDate(entry.time),
    actor: {
      name: actor?.name ?? '',
      proof: readActorProof(actor?.proof ?? 0),
      userAgent: actor?.userAgent ?? '',
      address: actor?.address ?? '',
    },
    action: entry.action,
    subject: { kind: readAuditSubjectKind(subject?.kind ?? 0), name: subject?.name ?? '' },
    namespace: entry.namespace,
    workflow: textOrNone(entry.workflow),
    version: entry.workflowVersion === 0 ? undefined : entry.workflowVersion,
    requestId: entry.requestId,
    outcome: readAuditOutcome(entry.outcome),
    errorCode: textOrNone(entry.errorCode),
    details: entry.details,
  };
}
