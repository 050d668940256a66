import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { expect, it, vi } from 'vitest';
import { Front } from '../../../src/control-plane/transport/front.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { limits } from '../../../src/core/limits.ts';
import { eventually } from './rig.ts';

/** Tens of thousands of sockets are more than a test may open: the same code with smaller numbers. */
vi.mock('../../../src/core/limits.ts', async (original) => {
  const module = await original<typeof import('../../../src/core/limits.ts')>();
  return { ...module, limits: { ...module.limits, connectionsMax: 3, connectionsPerAddressMax: 2 } };
});

const HERE = '127.0.0.1';
const THERE = '127.0.0.2';

it('takes so many sockets in all and from one address, closes one more, and takes another when one has left', async () => {
  const refused: string[] = [];
  const onRefused = (address: string): void => void refused.push(address);
  const front = new Front({ clock: systemClock, onHttp2: () => {}, onHttp1: () => {}, onRefused });
  front.server.listen(0, '0.0.0.0');
  await once(front.server, 'listening');
  const { port } = front.server.address() as AddressInfo;
  const knock = async (localAddress: string): Promise<Socket> => {
    const socket = connect({ port, host: HERE, localAddress }).on('error', () => {});
    await once(socket, 'connect');
    return socket;
  };

  const first = await knock(HERE);
  await knock(HERE);
  await eventually(() => front.size === limits.connectionsPerAddressMax);
  await once(await knock(HERE), 'close');
  expect(refused).toEqual([HERE]);

  await knock(THERE);
  await eventually(() => front.size === limits.connectionsMax);
  await once(await knock(THERE), 'close');
  expect(refused).toEqual([HERE, THERE]);

  first.destroy();
  await eventually(() => front.size === 2);
  await knock(THERE);
  await eventually(() => front.size === limits.connectionsMax);
  expect(refused).toHaveLength(2);
  front.dropAll();
  front.server.close();
});
