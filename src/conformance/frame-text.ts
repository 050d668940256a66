/** A frame on one line, for people. Long texts are cut. */
import { toJson } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import { type Assignment, type Dispatch, ResultVerdict, StopReason } from '../gen/yardmaster/v1/dispatch_pb.ts';
import type { Hello, State } from '../gen/yardmaster/v1/hello_pb.ts';
import type { Payload } from '../gen/yardmaster/v1/payload_pb.ts';
import { type AttemptResult, type AttemptUpdate, RejectReason, type Report } from '../gen/yardmaster/v1/report_pb.ts';
import { GoAwayReason } from '../gen/yardmaster/v1/session_response_pb.ts';
import type { AgentFrame, OurFrame } from './tape.ts';

const CHARS_MAX = 160;

export function frameText(frame: AgentFrame | OurFrame): string {
  const text = fullText(frame);
  return text.length <= CHARS_MAX ? text : `${text.slice(0, CHARS_MAX - 4)} ...`;
}

function fullText(frame: AgentFrame | OurFrame): string {
  switch (frame.case) {
    case 'hello':
      return helloText(frame.value);
    case 'state':
      return `State ${stateText(frame.value)}`;
    case 'beat':
      return `Beat ${frame.value.number}`;
    case 'report':
      return reportText(frame.value);
    case 'goodbye':
      return `Goodbye "${frame.value.reason}"`;
    case 'welcome':
      return 'Welcome';
    case 'dispatch':
      return dispatchText(frame.value);
    case 'goAway':
      return `GoAway ${nameOf(GoAwayReason, frame.value.reason)} ${frame.value.addresses.join(' ')}`.trim();
    default:
      return 'a frame that nobody knows';
  }
}

function helloText({ agentId, instanceId, held, state }: Hello): string {
  const list = held.map(({ attemptId, finished }) => `${attemptId}${finished ? ' finished' : ''}`);
  const offered = state === undefined ? 'no state' : stateText(state);
  return `Hello ${agentId}/${instanceId.slice(-4)} held [${list.join(', ')}] ${offered}`;
}

function stateText({ revision, slots, draining, capabilities }: State): string {
  const names = capabilities.map(({ name }) => name).join(' ');
  return `revision ${revision} slots ${slots}${draining ? ' draining' : ''} (${names})`;
}

function reportText({ updates, results }: Report): string {
  return ['Report', ...updates.map(updateText), ...results.map(resultText)].join(' ');
}

function updateText({ attemptId, update }: AttemptUpdate): string {
  switch (update.case) {
    case 'rejected':
      return `${attemptId} rejected ${nameOf(RejectReason, update.value.reason)};`;
    case 'progress':
      return `${attemptId} progress ${update.value.fraction.toFixed(2)};`;
    case 'chunk':
      return `${attemptId} chunk ${update.value.number};`;
    case 'checkpoint':
      return `${attemptId} checkpoint ${valueText(update.value.value)};`;
    default:
      return `${attemptId} ${update.case ?? 'unknown update'};`;
  }
}

export function resultText({ attemptId, result }: AttemptResult): string {
  switch (result.case) {
    case 'completed':
      return `${attemptId} COMPLETED ${payloadText(result.value.output)};`;
    case 'failed':
      return `${attemptId} FAILED ${result.value.code} "${result.value.message}";`;
    case 'cancelled':
      return `${attemptId} CANCELLED;`;
    case 'handedBack':
      return `${attemptId} HANDED_BACK "${result.value.reason}";`;
    default:
      return `${attemptId} an unknown result;`;
  }
}

function dispatchText({ assignments, stops, acks }: Dispatch): string {
  const parts = [
    ...assignments.map(assignmentText),
    ...stops.map(({ attemptId, reason, graceMs }) => `stop ${attemptId} ${nameOf(StopReason, reason)} ${graceMs} ms;`),
    ...(acks === undefined || acks.beat === 0 ? [] : [`ack beat ${acks.beat};`]),
    ...(acks?.chunks ?? []).map(({ attemptId, stored }) => `ack ${attemptId} chunks to ${stored};`),
    ...(acks?.results ?? []).map(({ attemptId, verdict }) => `ack ${attemptId} ${nameOf(ResultVerdict, verdict)};`),
  ];
  return `Dispatch ${parts.join(' ')}`;
}

function assignmentText({ attemptId, capability, input }: Assignment): string {
  return `start ${attemptId} ${capability} ${payloadText(input)};`;
}

function payloadText(payload: Payload | undefined): string {
  if (payload?.kind.case === 'blob') return `blob ${payload.kind.value.blobId} of ${payload.kind.value.size} bytes`;
  return payload?.kind.case === 'value' ? valueText(payload.kind.value) : 'nothing';
}

function valueText(value: Parameters<typeof toJson<typeof ValueSchema>>[1] | undefined): string {
  return value === undefined ? 'nothing' : JSON.stringify(toJson(ValueSchema, value));
}

/** Enums are open: a number without a name is told as it is. */
export function nameOf(names: Readonly<Record<string, number>>, number: number): string {
  return Object.keys(names).find((name) => names[name] === number) ?? `${number}`;
}
