/** Entries of the audit log to the wire, and what is asked of them from there. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { auditActions } from '../../../core/audit-actions.ts';
import { firstUlidAt } from '../../../core/ids.ts';
import { limits } from '../../../core/limits.ts';
import { nearest } from '../../../core/nearest.ts';
import { ActorProof } from '../../../gen/yardmaster/v1/actor_pb.ts';
import { type AuditEntrySchema, AuditOutcome, AuditSubjectKind } from '../../../gen/yardmaster/v1/audit_pb.ts';
import type { ListAuditEntriesRequest } from '../../../gen/yardmaster/v1/audit_service_pb.ts';
import type { AuditQuery, AuditRow, Caller } from '../../runtime/control-plane.ts';
import { ANONYMOUS } from '../caller.ts';
import type { Faults } from './faults.ts';
import { readPage } from './paging.ts';
import { quote } from './text.ts';
import { readTime, writeTime } from './times.ts';

/** Ids, names of workflows and of actors: none is longer. */

export function readAuditQuery(faults: Faults, namespace: string, request: ListAuditEntriesRequest): AuditQuery {
  const { action, subject, actor } = request;
  const page = readPage(faults, request);
  const since = readTime(faults, 'since', request.since);
  const until = readTime(faults, 'until', request.until);
  checkAction(faults, action);
  checkLength(faults, 'subject', subject);
  checkLength(faults, 'actor', actor);
  return {
    namespace,
    ...(action !== '' && { action }),
    ...(subject !== '' && { subject }),
    ...(actor !== '' && { actor: actor === ANONYMOUS ? null : actor }),
    from: since === undefined ? '' : firstUlidAt(since),
    before: lower(page.after, until === undefined ? '' : firstUlidAt(until)),
    limit: page.limit,
  };
}

export function writeAuditEntry(row: AuditRow): MessageInitShape<typeof AuditEntrySchema> {
  return {
    entryId: row.id,
    time: writeTime(row.at),
    actor: writeActor(row.caller),
    action: row.action,
    subject: { kind: AuditSubjectKind[row.subjectKind], name: row.subject },
    namespace: row.namespace,
    workflow: row.workflow,
    workflowVersion: row.version,
    requestId: row.requestId,
    outcome: row.errorCode === '' ? AuditOutcome.DONE : AuditOutcome.REFUSED,
    errorCode: row.errorCode,
    details: { ...row.details },
  };
}

function writeActor({ actor, userAgent, address }: Caller) {
  const proof = actor === undefined ? ActorProof.NONE : ActorProof.CLAIMED;
  return { name: actor ?? ANONYMOUS, proof, userAgent, address };
}

function checkAction(faults: Faults, action: string): void {
  if (action === '' || auditActions.some((known) => known === action)) return;
  const close = nearest(action, auditActions);
  const hint = close === undefined ? `one of ${auditActions.join(', ')}` : `did you mean "${close}"?`;
  faults.add('action', `${quote(action)} is not an action; ${hint}`);
}

function checkLength(faults: Faults, pointer: string, text: string): void {
  if (text.length > limits.auditNameCharsMax)
    faults.add(pointer, `has more than ${limits.auditNameCharsMax} characters`);
}

/** The lower of two ids; '' is none. */
function lower(left: string, right: string): string {
  if (left === '' || right === '') return left + right;
  return left < right ? left : right;
}
