/** Caps of agent streams, counted. Over a real port: test/integration/transport/stream-caps.test.ts. */
import { expect, test } from 'vitest';
import { StreamCaps, type StreamLimit } from '../../../src/control-plane/transport/stream-caps.ts';
import { limits } from '../../../src/core/limits.ts';

test('an address has its share, whatever its ports, and room again when one of its streams has left', () => {
  const caps = new StreamCaps({ perAddressMax: 2 });
  expect(caps.enter('10.0.0.1:1001')).toBeUndefined();
  expect(caps.enter('10.0.0.1:1001')).toBeUndefined();
  expect(caps.enter('10.0.0.1:1002')?.message).toBe(
    'Cannot open an agent stream from "10.0.0.1": 2 are open, as many as listen.agentStreamsPerAddress allows',
  );
  expect(caps.enter('10.0.0.2:1001')).toBeUndefined();
  caps.leave('10.0.0.1:1001');
  expect(caps.enter('10.0.0.1:1002')).toBeUndefined();
});

test('in all there is room for so many, and what is refused takes none', () => {
  const refused: StreamLimit[] = [];
  const caps = new StreamCaps({ max: 2, onRefused: (limit) => void refused.push(limit) });
  expect(caps.enter('10.0.0.1:1')).toBeUndefined();
  expect(caps.enter('[::1]:1')).toBeUndefined();
  const refusal = caps.enter('10.0.0.3:1');
  expect(refusal).toMatchObject({
    code: 'LIMIT_REACHED',
    message: 'Cannot open an agent stream: 2 are open, as many as listen.agentStreams allows',
    next: 'end agents that nobody needs, or raise listen.agentStreams of the control plane',
  });
  expect(caps.enter('10.0.0.4:1')?.code).toBe('LIMIT_REACHED');
  caps.leave('[::1]:1');
  expect(caps.enter('10.0.0.4:1')).toBeUndefined();
  expect(refused).toEqual(['total', 'total']);
});

test('the caps are those of the limits when nothing is set', () => {
  const caps = new StreamCaps();
  for (let i = 0; i < limits.streamsPerAddressMax; i++) caps.enter('10.0.0.1:1');
  expect(caps.enter('10.0.0.1:1')?.code).toBe('LIMIT_REACHED');
  for (let i = limits.streamsPerAddressMax; i < limits.streamsMax; i++) caps.enter('10.0.0.2:1');
  expect(caps.enter('10.0.0.3:1')?.message).toContain(`${limits.streamsMax} are open`);
});
