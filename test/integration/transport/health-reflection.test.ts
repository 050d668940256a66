import { create, createFileRegistry, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { status as Status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import {
  Health,
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus as Serving,
} from '../../../src/gen/grpc/health/v1/health_pb.ts';
import {
  ServerReflection,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from '../../../src/gen/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as ServerReflectionAlpha } from '../../../src/gen/grpc/reflection/v1alpha/reflection_pb.ts';
import { eventually, failureOf, pathOf, Rig } from './rig.ts';

const { check, watch, list } = Health.method;

describe('health', () => {
  it('answers for the whole, for services, agents and capabilities', async () => {
    await using rig = await Rig.start();
    rig.plane.setHealth('agent/loader', false);
    expect((await rig.unary(check, {})).status).toBe(Serving.SERVING);
    expect((await rig.unary(check, { service: 'yardmaster.v1.AgentService' })).status).toBe(Serving.SERVING);
    expect((await rig.unary(check, { service: 'agent/loader' })).status).toBe(Serving.NOT_SERVING);
    expect((await failureOf(rig.unary(check, { service: 'agent/nobody' }))).code).toBe(Status.NOT_FOUND);
    const { statuses } = await rig.unary(list, {});
    expect(statuses['']).toMatchObject({ status: Serving.SERVING });
  });

  it('keeps a watch open for a name that does not exist yet, and tells each change once', async () => {
    await using rig = await Rig.start();
    const seen: Serving[] = [];
    const stream = rig.serverStream(watch, { service: 'agent/loader' });
    stream.on('error', () => {});
    stream.on('data', ({ status }: HealthCheckResponse) => seen.push(status));
    await eventually(() => seen.length === 1);
    rig.plane.setHealth('agent/loader', true);
    await eventually(() => seen.length === 2);
    rig.plane.setHealth('agent/loader', true);
    rig.plane.setHealth('agent/loader', false);
    await eventually(() => seen.length === 3);
    await rig.listener.stop({ graceMs: 2_000 });
    expect(seen).toEqual([Serving.SERVICE_UNKNOWN, Serving.SERVING, Serving.NOT_SERVING]);
  });

  it('says NOT_SERVING before the stream ends at a stop', async () => {
    const rig = await Rig.start();
    const seen: Serving[] = [];
    const stream = rig.serverStream(watch, {});
    stream.on('data', ({ status }: HealthCheckResponse) => seen.push(status));
    const ended = new Promise<{ code: number }>((resolve) => stream.on('error', resolve as never));
    await eventually(() => seen.length === 1);
    await rig.listener.stop({ graceMs: 2_000 });
    expect((await ended).code).toBe(Status.UNAVAILABLE);
    expect(seen).toEqual([Serving.SERVING, Serving.NOT_SERVING]);
  });
});

type Ask = MessageInitShape<typeof ServerReflectionRequestSchema>['messageRequest'];

async function reflect(
  rig: Rig,
  method: Parameters<typeof pathOf>[0],
  asks: readonly Ask[],
): Promise<ServerReflectionResponse['messageResponse'][]> {
  const same = (bytes: Buffer): Buffer => bytes;
  const call = rig.client().makeBidiStreamRequest(pathOf(method), same, same);
  const answers: ServerReflectionResponse['messageResponse'][] = [];
  call.on('data', (bytes: Buffer) => answers.push(fromBinary(ServerReflectionResponseSchema, bytes).messageResponse));
  for (const messageRequest of asks) {
    const request = create(ServerReflectionRequestSchema, messageRequest === undefined ? {} : { messageRequest });
    call.write(Buffer.from(toBinary(ServerReflectionRequestSchema, request)));
  }
  call.end();
  await new Promise((resolve, reject) => call.on('end', resolve).on('error', reject));
  return answers;
}

/** As protoc orders them. */
function importsFirst(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const ordered = new Set<FileDescriptorProto>();
  const visit = (file: FileDescriptorProto): void => {
    for (const name of file.dependency) files.filter((other) => other.name === name).forEach(visit);
    ordered.add(file);
  };
  files.forEach(visit);
  return [...ordered];
}

describe.each([
  ['v1', ServerReflection.method.serverReflectionInfo],
  ['v1alpha', ServerReflectionAlpha.method.serverReflectionInfo],
])('reflection %s', (_, method) => {
  it('lists every service, its own and health included', async () => {
    await using rig = await Rig.start();
    const [answer] = await reflect(rig, method, [{ case: 'listServices', value: '' }]);
    const names = answer?.case === 'listServicesResponse' ? answer.value.service.map(({ name }) => name) : [];
    expect(names).toEqual([
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection',
      'yardmaster.v1.AgentService',
    ]);
  });

  it('describes a symbol with its comments and everything that its file needs', async () => {
    await using rig = await Rig.start();
    const [answer] = await reflect(rig, method, [
      { case: 'fileContainingSymbol', value: 'yardmaster.v1.AgentService.Session' },
    ]);
    const files = answer?.case === 'fileDescriptorResponse' ? answer.value.fileDescriptorProto : [];
    const file = files.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
    expect(file[0]?.name).toBe('yardmaster/v1/agent_service.proto');
    const comments = file[0]?.sourceCodeInfo?.location.map(({ leadingComments }) => leadingComments).join('\n');
    expect(comments).toContain('one stream for everything');
    // Throws when a file is missing.
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: importsFirst(file) }));
    expect(registry.getService('yardmaster.v1.AgentService')).toBeDefined();
  });

  it('finds messages, fields, enums, files and details of errors, and says NOT_FOUND for the rest', async () => {
    await using rig = await Rig.start();
    const symbol = (value: string): Ask => ({ case: 'fileContainingSymbol', value });
    const known = [
      'yardmaster.v1.Hello',
      'yardmaster.v1.Hello.agent_id',
      'yardmaster.v1.RunStatus',
      'google.rpc.ErrorInfo',
      'google.protobuf.Value',
    ];
    const unknown = [
      'yardmaster.v1.Nothing',
      'yardmaster.opaque.v1.SessionRequest',
      'yardmaster.internal.v1.JournalRow',
    ];
    const answers = await reflect(rig, method, [
      ...known.map(symbol),
      { case: 'fileByFilename', value: 'google/protobuf/duration.proto' },
      ...unknown.map(symbol),
      { case: 'fileByFilename', value: 'nowhere.proto' },
    ]);
    expect(answers.slice(0, 6).map((answer) => answer.case)).toEqual(Array(6).fill('fileDescriptorResponse'));
    for (const answer of answers.slice(6)) {
      expect(answer).toMatchObject({ case: 'errorResponse', value: { errorCode: Status.NOT_FOUND } });
    }
  });
});
