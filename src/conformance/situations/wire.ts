/** What a later version may send, and peers that read slowly. */
import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { type StopReason, StopSchema } from '../../gen/yardmaster/v1/dispatch_pb.ts';
import { SessionResponseSchema } from '../../gen/yardmaster/v1/session_response_pb.ts';
import { check } from '../breach.ts';
import type { Situation } from '../situation.ts';
import type { Stage } from '../stage.ts';
import { ENDLESS } from './work.ts';

const UNKNOWN_FIELD = 2_000;
const FLOOD_FRAMES = 600;
const FLOOD_FRAME_BYTES = 16 * 1024;

export const wire: readonly Situation[] = [
  {
    name: 'unknown-frames',
    title: 'goes on after frames that it does not know',
    clauses: ['S-2'],
    async play(stage) {
      stage.stream.sendBytes(unknownFrame(64));
      stage.stream.sendBytes(new Uint8Array(0));
      await stage.ends(stage.assign('echo', { still: 'here' }), 'completed', { clauses: ['S-2'] });
      check(stage.streams.length === 1, 'S-2', 'one stream', `${stage.streams.length}`);
    },
  },
  {
    name: 'unknown-fields',
    title: 'goes on after fields and values that it does not know',
    clauses: ['S-2'],
    manners: { welcomes: false },
    async play(stage) {
      const { stream } = stage;
      const value = { beatInterval: durationFromMs(200), node: 'later', protocolVersion: 1, $unknown: extra() };
      stream.send({ case: 'welcome', value });
      await stage.until(['S-2'], 'a beat', 2_000, () => stage.tape.entries.some(isBeat));
      stage.need('count');
      const { id, assignment } = stage.prepare('count', ENDLESS);
      stage.dispatch([Object.assign(assignment, { $unknown: extra(), priority: 77 })]);
      await stage.accepted(id);
      // Enums are open: what a later version says.
      stage.stop(id, 0, 77 as StopReason);
      await stage.result(id, 1_000, ['S-2', 'T-1']);
    },
  },
  {
    name: 'all-at-once',
    title: 'takes acks, stops and assignments in one frame',
    clauses: ['A-1', 'T-1', 'R-2'],
    manners: { acksResults: false },
    async play(stage) {
      stage.needSlots(2);
      const done = stage.assign('echo', { done: true });
      await stage.result(done);
      const running = stage.assign('count', ENDLESS);
      await stage.accepted(running);
      const next = stage.prepare('echo', { next: true });
      stage.assigned.add(next.id);
      stage.stopped.add(running);
      const stop = create(StopSchema, { attemptId: running, reason: 1 });
      const acks = { results: [{ attemptId: done, verdict: 1 as const }] };
      stage.stream.send({ case: 'dispatch', value: { assignments: [next.assignment], stops: [stop], acks } });
      await stage.ends(next.id, 'completed');
      await stage.result(running, 1_000, ['T-1']);
    },
  },
  {
    name: 'reads-at-work',
    title: 'reads its stream while its handlers work the processor',
    clauses: ['S-5'],
    async play(stage) {
      const id = stage.assign('digest', { text: 'work', rounds: 100_000_000 });
      await stage.accepted(id);
      const frame = unknownFrame(FLOOD_FRAME_BYTES);
      for (let i = 0; i < FLOOD_FRAMES; i++) stage.stream.call.write(frame);
      await readsAll(stage);
      stage.stop(id);
      await stage.result(id, 1_000, ['S-5', 'T-1']);
    },
  },
  {
    name: 'slow-control-plane',
    title: 'loses nothing when its frames are read late',
    clauses: ['S-6', 'R-1'],
    async play(stage) {
      stage.need('echo');
      const text = 'x'.repeat(100_000);
      const { call } = stage.stream;
      const ids: string[] = [];
      for (let round = 0; round < 4; round++) {
        call.pause();
        const given = Array.from({ length: stage.slots }, () => stage.prepare('echo', { text }));
        stage.dispatch(given.map(({ assignment }) => assignment));
        ids.push(...given.map(({ id }) => id));
        await stage.pass(400);
        call.resume();
        for (const { id } of given) await stage.ends(id, 'completed', { clauses: ['S-6'] });
      }
      check(stage.streams.length === 1, 'S-6', 'one stream', `${stage.streams.length}`);
    },
  },
];

/** Bytes of a SessionResponse with a frame that no version has yet. */
function unknownFrame(bytes: number): Uint8Array {
  const response = create(SessionResponseSchema, {});
  response.$unknown = [
    {
      no: UNKNOWN_FIELD,
      wireType: WireType.LengthDelimited,
      data: new BinaryWriter().bytes(new Uint8Array(bytes)).finish(),
    },
  ];
  return toBinary(SessionResponseSchema, response);
}

function extra() {
  return [{ no: UNKNOWN_FIELD, wireType: WireType.Varint, data: new BinaryWriter().uint32(7).finish() }];
}

function isBeat(entry: Stage['tape']['entries'][number]): boolean {
  return entry.kind === 'received' && entry.frame.case === 'beat';
}

/** Looks at what the agent left unread, with every beat that comes. */
async function readsAll(stage: Stage): Promise<void> {
  const expected = `that ${(FLOOD_FRAMES * FLOOD_FRAME_BYTES) >> 20} MiB are read`;
  await stage.until(['S-5', 'B-4'], expected, 4_000, () => stage.stream.call.unreadBytes === 0);
}
