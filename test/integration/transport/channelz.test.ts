import { create, toBinary } from '@bufbuild/protobuf';
import { status as Status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { Channelz } from '../../../src/gen/grpc/channelz/v1/channelz_pb.ts';
import { Health } from '../../../src/gen/grpc/health/v1/health_pb.ts';
import { SessionRequestSchema } from '../../../src/gen/yardmaster/v1/session_request_pb.ts';
import { eventually, failureOf, Rig, reasonOf } from './rig.ts';

const { getServers, getServer, getServerSockets, getSocket, getTopChannels, getChannel } = Channelz.method;

describe('channelz', () => {
  it('is off unless it is asked for', async () => {
    await using rig = await Rig.start();
    expect((await failureOf(rig.unary(getServers, {}))).code).toBe(Status.UNIMPLEMENTED);
    const { statuses } = await rig.unary(Health.method.list, {});
    expect(Object.keys(statuses)).not.toContain('grpc.channelz.v1.Channelz');
  });

  it('counts the calls of the server, and shows a connection with its messages, those of an agent stream included', async () => {
    await using rig = await Rig.start([], { channelz: true });
    const { call, session } = await rig.session();
    call.resume();
    for (const number of [1, 2]) {
      const beat = create(SessionRequestSchema, { frame: { case: 'beat', value: { number } } });
      call.write(Buffer.from(toBinary(SessionRequestSchema, beat)));
    }
    await eventually(() => session.frames.length === 2);
    const { server: servers, end } = await rig.unary(getServers, {});
    expect(end).toBe(true);
    const own = servers.find(({ data }) => data?.callsStarted === 2n);
    expect(own?.data).toMatchObject({ callsStarted: 2n, callsFailed: 0n, lastCallStartedTimestamp: expect.anything() });
    const serverId = own?.ref?.serverId ?? 0n;
    expect((await rig.unary(getServer, { serverId })).server?.ref?.serverId).toBe(serverId);
    const { socketRef } = await rig.unary(getServerSockets, { serverId });
    // All calls of this process go over one connection.
    expect(socketRef).toHaveLength(1);
    const { socket } = await rig.unary(getSocket, { socketId: socketRef[0]?.socketId ?? 0n });
    const { streamsStarted = 0n, messagesReceived } = socket?.data ?? {};
    // One for each call but the agent stream, which had two.
    expect(messagesReceived).toBe(streamsStarted + 1n);
    expect(socket?.remote?.address).toMatchObject({
      case: 'tcpipAddress',
      value: { ipAddress: Buffer.from([127, 0, 0, 1]) },
    });
  });

  it('shows channels of the same process, and says what an id is that nothing has', async () => {
    await using rig = await Rig.start([], { channelz: true });
    const { channel } = await rig.unary(getTopChannels, {});
    expect(channel.map(({ data }) => data?.target).join()).toContain(String(rig.port));
    const error = await failureOf(rig.unary(getChannel, { channelId: 1_000_000n }));
    expect(error).toMatchObject({ code: Status.NOT_FOUND, details: expect.stringContaining('1000000') });
    expect(reasonOf(error)).toBe('CHANNELZ_ID_UNKNOWN');
  });
});
