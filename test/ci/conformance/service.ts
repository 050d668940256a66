/**
 * connectrpc.conformance.v1.ConformanceService: does what each request says, so that the runner sees what our transports make
 * of headers, messages, errors and deadlines.
 */
import { create, type MessageShape } from '@bufbuild/protobuf';
import { type Any, anyPack } from '@bufbuild/protobuf/wkt';
import {
  type Code,
  ConnectError,
  createServiceImplSpec,
  type HandlerContext,
  type ServiceImpl,
} from '@connectrpc/connect';
import type { BoundService } from '../../../src/control-plane/transport/grpc-adapter.ts';
import { sleep, systemClock } from '../../../src/core/clock.ts';
import {
  type BidiStreamRequest,
  BidiStreamRequestSchema,
  ClientStreamRequestSchema,
  ConformancePayload_ConnectGetInfoSchema,
  type ConformancePayload_RequestInfo,
  ConformancePayload_RequestInfoSchema,
  ConformanceService,
  type Error as ErrorMessage,
  type Header,
  HeaderSchema,
  IdempotentUnaryRequestSchema,
  ServerStreamRequestSchema,
  type StreamResponseDefinition,
  type UnaryRequest,
  UnaryRequestSchema,
  type UnaryResponseDefinition,
} from './gen/connectrpc/conformance/v1/service_pb.ts';

/** Without `unimplemented`, which the transports must answer by themselves. */
const impl: Omit<ServiceImpl<typeof ConformanceService>, 'unimplemented'> = {
  unary: (request, context) => answer(request.responseDefinition, [anyPack(UnaryRequestSchema, request)], context),

  idempotentUnary: (request, context) =>
    answer(request.responseDefinition, [anyPack(IdempotentUnaryRequestSchema, request)], context),

  async clientStream(requests, context) {
    let definition: UnaryRequest['responseDefinition'];
    const received: Any[] = [];
    for await (const request of requests) {
      if (received.length === 0) definition = request.responseDefinition;
      received.push(anyPack(ClientStreamRequestSchema, request));
    }
    return answer(definition, received, context);
  },

  async *serverStream(request, context) {
    const definition = request.responseDefinition;
    if (definition === undefined) return;
    yield* tell(definition, 0, infoOf([anyPack(ServerStreamRequestSchema, request)], context), context);
  },

  bidiStream: (requests, context) => converse(requests, context),
};

export const conformanceService: BoundService = createServiceImplSpec<typeof ConformanceService>(
  ConformanceService,
  impl,
);

/** One message or an error, as `definition` says. */
async function answer(
  definition: UnaryResponseDefinition | undefined,
  requests: readonly Any[],
  context: HandlerContext,
): Promise<{ payload: { data?: Uint8Array; requestInfo: ConformancePayload_RequestInfo } }> {
  const requestInfo = infoOf(requests, context);
  if (definition === undefined) return { payload: { requestInfo } };
  const { response, responseDelayMs } = definition;
  setHeaders(definition, context);
  await pause(responseDelayMs, context);
  if (response.case === 'error') throw toError(response.value, requestInfo);
  return { payload: { requestInfo, ...(response.case === 'responseData' && { data: response.value }) } };
}

type Told = { payload: { data: Uint8Array; requestInfo?: ConformancePayload_RequestInfo } };

/** The messages of `definition` from number `from` on, and its error. The first of all carries `info`. */
async function* tell(
  definition: StreamResponseDefinition,
  from: number,
  info: ConformancePayload_RequestInfo,
  context: HandlerContext,
): AsyncGenerator<Told> {
  if (from === 0) setHeaders(definition, context);
  for (const [i, data] of definition.responseData.entries()) {
    if (i < from) continue;
    await pause(definition.responseDelayMs, context);
    yield { payload: i === 0 ? { data, requestInfo: info } : { data } };
  }
  const { error, responseData } = definition;
  if (error !== undefined) throw toError(error, responseData.length === 0 ? info : undefined);
}

/** Full duplex answers each request with the next message; half duplex reads everything first. */
async function* converse(requests: AsyncIterable<BidiStreamRequest>, context: HandlerContext): AsyncGenerator<Told> {
  let first: BidiStreamRequest | undefined;
  let received: Any[] = [];
  let told = 0;
  for await (const request of requests) {
    if (first === undefined && request.responseDefinition) setHeaders(request.responseDefinition, context);
    first ??= request;
    received.push(anyPack(BidiStreamRequestSchema, request));
    if (!first.fullDuplex) continue;
    const data = first.responseDefinition?.responseData[told];
    if (data === undefined) break;
    await pause(first.responseDefinition?.responseDelayMs ?? 0, context);
    yield { payload: { data, requestInfo: told === 0 ? infoOf(received, context) : infoOf(received) } };
    told += 1;
    received = [];
  }
  if (first?.responseDefinition === undefined) return;
  yield* tell(
    { ...first.responseDefinition, responseHeaders: [], responseTrailers: [] },
    told,
    infoOf(received, context),
    context,
  );
}

function infoOf(
  requests: readonly Any[],
  context?: HandlerContext,
): MessageShape<typeof ConformancePayload_RequestInfoSchema> {
  const info = create(ConformancePayload_RequestInfoSchema, { requests: [...requests] });
  if (context === undefined) return info;
  info.requestHeaders.push(...toHeaderMessages(context.requestHeader));
  const timeoutMs = context.timeoutMs();
  if (timeoutMs !== undefined) info.timeoutMs = BigInt(Math.max(0, Math.ceil(timeoutMs)));
  if (context.requestMethod === 'GET') {
    const queryParams = toHeaderMessages(new URL(context.url).searchParams);
    info.connectGetInfo = create(ConformancePayload_ConnectGetInfoSchema, { queryParams });
  }
  return info;
}

function toHeaderMessages(pairs: Iterable<[string, string]>): Header[] {
  const byName = Map.groupBy(pairs, ([name]) => name);
  return [...byName].map(([name, own]) => create(HeaderSchema, { name, value: own.map(([, value]) => value) }));
}

interface Headed {
  readonly responseHeaders: readonly Header[];
  readonly responseTrailers: readonly Header[];
}

function setHeaders({ responseHeaders, responseTrailers }: Headed, context: HandlerContext): void {
  append(context.responseHeader, responseHeaders);
  append(context.responseTrailer, responseTrailers);
}

function append(target: Headers, headers: readonly Header[]): void {
  for (const { name, value } of headers) for (const one of value) target.append(name, one);
}

function toError(
  { code, message, details }: ErrorMessage,
  info: ConformancePayload_RequestInfo | undefined,
): ConnectError {
  const error = new ConnectError(message ?? '', code as number as Code); // the numbers are the same
  const packed = info === undefined ? details : [...details, anyPack(ConformancePayload_RequestInfoSchema, info)];
  error.details = packed.map(({ typeUrl, value }) => ({ type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1), value }));
  return error;
}

async function pause(ms: number, { signal }: HandlerContext): Promise<void> {
  if (ms > 0) await sleep(systemClock, ms, signal);
}
