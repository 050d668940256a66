/** One input of the fuzzer: a stream with messages in any order, or a call of any method, with bytes of any kind. */
import { create, type DescMethod, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { AuditService } from '../../src/gen/yardmaster/v1/audit_service_pb.ts';
import { FleetService } from '../../src/gen/yardmaster/v1/fleet_service_pb.ts';
import { RunService } from '../../src/gen/yardmaster/v1/run_service_pb.ts';
import { ScheduleService } from '../../src/gen/yardmaster/v1/schedule_service_pb.ts';
import { SessionRequestSchema } from '../../src/gen/yardmaster/v1/session_request_pb.ts';
import { WorkflowService } from '../../src/gen/yardmaster/v1/workflow_service_pb.ts';
import type { Dice } from '../sim/dice.ts';
import { badFrame, frame, oddHeaders } from './framing.ts';
import { mutate } from './mutate.ts';
import type { RawCall } from './raw-http2.ts';
import { drawMessage } from './wire-message.ts';

const AGENTS = ['fuzz-0', 'fuzz-1', 'fuzz-2'];
const SESSION = '/yardmaster.v1.AgentService/Session';

/** Everything but what stops the runs beside the fuzzer when it is asked for without a filter, as it may be. */
const NOT_CALLED = new Set(['CancelRuns', 'RetryRuns']);
const METHODS: readonly DescMethod[] = [AuditService, FleetService, RunService, ScheduleService, WorkflowService]
  .flatMap(({ methods }) => methods)
  .filter(({ methodKind, name }) => methodKind === 'unary' && !NOT_CALLED.has(name));

export interface InputOptions {
  readonly dice: Dice;
  readonly recorded: readonly Buffer[];
  readonly attemptIds: readonly string[];
}

export interface Input extends RawCall {
  /** Not what gRPC's own layer answers: a status of the product is due. */
  readonly isFramed: boolean;
}

export function drawInput(options: InputOptions): Input {
  const { dice } = options;
  return dice.chance(0.2) ? drawCall(options) : drawSession(options);
}

function drawCall({ dice, attemptIds }: InputOptions): Input {
  const method = dice.pick(METHODS);
  const runIds = attemptIds.map((id) => id.split('/')[0] ?? '');
  const drawn = drawMessage(method.input, { dice, known: [...AGENTS, ...runIds, 'Fuzzed', 'a', 'fuzzed'] });
  const message = dice.chance(0.3) ? mutate(drawn, [], dice) : drawn;
  const path = `/${method.parent.typeName}/${method.name}`;
  // A call may wait on purpose for as long as it was asked to.
  const headers = { 'grpc-timeout': '500m' };
  return { path, headers, chunks: [frame(message)], end: 'halfClose', isFramed: true };
}

function drawSession(options: InputOptions): Input {
  const { dice } = options;
  const messages = [...drawPrelude(options), ...Array.from({ length: dice.int(0, 5) }, () => drawFrame(options))];
  const isBroken = dice.chance(0.2);
  const chunks = messages.map((message) => (isBroken && dice.chance(0.4) ? badFrame(message, dice) : frame(message)));
  const hasOddHeaders = dice.chance(0.1);
  return {
    path: SESSION,
    headers: hasOddHeaders ? oddHeaders(dice) : {},
    chunks: dice.chance(0.2) ? sliced(chunks, dice) : chunks,
    end: dice.pick(['halfClose', 'halfClose', 'halfClose', 'halfClose', 'cancel', 'leave']),
    isFramed: !isBroken && !hasOddHeaders,
  };
}

/** What comes before: nothing, a good Hello, or one after a leave. */
function drawPrelude({ dice, attemptIds }: InputOptions): readonly Buffer[] {
  const agentId = dice.pick(AGENTS);
  const capabilities = [{ name: 'fuzzed', version: '1.0.0', idempotent: dice.chance(0.3) }];
  const state = { revision: 1, slots: dice.pick([0, 1, 4]), capabilities };
  const held =
    dice.chance(0.3) && attemptIds.length > 0 ? [{ attemptId: dice.pick(attemptIds), finished: dice.chance(0.5) }] : [];
  const hello = bytesOf({
    case: 'hello',
    value: { agentId, instanceId: `${agentId}-i${dice.int(0, 2)}`, protocolVersion: 1, state, held },
  });
  const goodbye = bytesOf({ case: 'goodbye', value: { reason: 'fuzz' } });
  return dice.pick([[], [hello], [hello], [hello], [hello, goodbye], [goodbye, hello]]);
}

function drawFrame({ dice, recorded, attemptIds }: InputOptions): Buffer {
  if (recorded.length > 0 && dice.chance(0.35)) {
    const good = dice.pick(recorded);
    return dice.chance(0.8) ? mutate(good, recorded, dice) : good;
  }
  const known = [...AGENTS, ...AGENTS.map((id) => `${id}-i1`), ...attemptIds, ...attemptIds, 'fuzzed', '1.0.0'];
  const drawn = drawMessage(SessionRequestSchema, { dice, known });
  return dice.chance(0.2) ? mutate(drawn, recorded, dice) : drawn;
}

function bytesOf(sent: NonNullable<MessageInitShape<typeof SessionRequestSchema>['frame']>): Buffer {
  return Buffer.from(toBinary(SessionRequestSchema, create(SessionRequestSchema, { frame: sent })));
}

/** The same bytes in other pieces. */
function sliced(chunks: readonly Buffer[], dice: Dice): readonly Buffer[] {
  const bytes = Buffer.concat(chunks);
  const slices: Buffer[] = [];
  for (let at = 0; at < bytes.length && slices.length < 50; ) {
    const end = slices.length === 49 ? bytes.length : at + dice.int(1, 200);
    slices.push(bytes.subarray(at, end));
    at = end;
  }
  return slices;
}
