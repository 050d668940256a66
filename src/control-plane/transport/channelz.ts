/**
 * grpc.channelz.v1: the servers, channels and sockets of gRPC in this process, as grpc-js counts them. Its handlers speak the
 * objects of its own codec, so what is asked and answered goes through bytes.
 */
import { type DescMethod, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { getChannelzHandlers, getChannelzServiceDefinition } from '@grpc/grpc-js';
import { YardmasterError } from '../../core/errors.ts';
import { Channelz } from '../../gen/grpc/channelz/v1/channelz_pb.ts';
import { type BoundService, bindService } from './grpc-adapter.ts';
import { toBuffer } from './grpc-status.ts';

const { getTopChannels, getServers, getServer, getServerSockets, getChannel, getSubchannel, getSocket } =
  Channelz.method;

export function createChannelz(): BoundService {
  return bindService(Channelz, {
    getTopChannels: (request) => ask(getTopChannels, request),
    getServers: (request) => ask(getServers, request),
    getServer: (request) => ask(getServer, request),
    getServerSockets: (request) => ask(getServerSockets, request),
    getChannel: (request) => ask(getChannel, request),
    getSubchannel: (request) => ask(getSubchannel, request),
    getSocket: (request) => ask(getSocket, request),
  });
}

/** One method of grpc-js; all are unary. */
interface Method {
  requestDeserialize(bytes: Buffer): unknown;
  responseSerialize(value: unknown): Buffer;
}

type Handler = (call: { readonly request: unknown }, callback: (error: unknown, value?: unknown) => void) => void;

async function ask<M extends DescMethod>(
  { name, input, output }: M,
  message: MessageShape<M['input']>,
): Promise<MessageShape<M['output']>> {
  const method: Method | undefined = Reflect.get(getChannelzServiceDefinition(), name);
  // grpc-js types each handler by itself; those of channelz are alike, and look at nothing but the request.
  const handle = Reflect.get(getChannelzHandlers(), name) as Handler | undefined;
  if (method === undefined || handle === undefined) throw new TypeError(`grpc-js has no channelz method ${name}`);
  const request = method.requestDeserialize(toBuffer(toBinary(input, message)));
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  handle({ request }, (error, value) => (error === null ? resolve(value) : reject(toError(error))));
  // `output` is that of the method.
  return fromBinary(output, method.responseSerialize(await promise)) as MessageShape<M['output']>;
}

/** The only way in which they fail. */
function toError(error: unknown): YardmasterError {
  const fact = error instanceof Object && 'details' in error ? String(error.details) : 'nothing has this id';
  return new YardmasterError('CHANNELZ_ID_UNKNOWN', `Cannot show it: ${fact}`, {
    next: 'ask GetServers, GetServerSockets or GetTopChannels for the ids of now',
  });
}
