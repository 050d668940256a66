/** One agent stream too many, over a real port. */
import { status as Status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { eventually, Rig, reasonOf } from './rig.ts';

test('a stream over the cap ends with LIMIT_REACHED, the others go on, and there is room when one has left', async () => {
  const refused: string[] = [];
  const streamCaps = { perAddressMax: 2, onRefused: (limit: string) => void refused.push(limit) };
  await using rig = await Rig.start([], { streamCaps });
  const first = await rig.session();
  const second = await rig.session();
  const third = rig.stream();
  const ended = await third.status;
  expect(ended.code).toBe(Status.RESOURCE_EXHAUSTED);
  expect(reasonOf(ended)).toBe('LIMIT_REACHED');
  expect(refused).toEqual(['address']);
  expect(rig.plane.sessions).toHaveLength(2);
  expect([first.session.endedCount, second.session.endedCount]).toEqual([0, 0]);

  first.call.cancel();
  await eventually(() => rig.listener.sessionCount === 1);
  await rig.session();
  expect(rig.plane.sessions).toHaveLength(3);
});
