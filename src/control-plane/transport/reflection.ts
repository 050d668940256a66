/**
 * Server reflection, v1 and v1alpha, from the committed image: the bytes of each file as buf wrote them, with comments and
 * custom options. (protobuf-es drops comments, @grpc/reflection drops options.)
 */
import { readFileSync } from 'node:fs';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { type DescriptorProto, type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import {
  type ServerReflection,
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from '../../gen/grpc/reflection/v1/reflection_pb.ts';
import {
  ServerReflectionRequestSchema as AlphaRequestSchema,
  ServerReflectionResponseSchema as AlphaResponseSchema,
  type ServerReflection as ServerReflectionAlpha,
} from '../../gen/grpc/reflection/v1alpha/reflection_pb.ts';

const IMAGE = new URL('../../gen/reflection.binpb', import.meta.url);
/** Codes of google.rpc.Code, as `ErrorResponse` carries them. */
const NOT_FOUND = 5;
const UNIMPLEMENTED = 12;

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>['messageResponse']>;

interface ImageFile {
  readonly bytes: Uint8Array;
  readonly proto: FileDescriptorProto;
}

export class Reflection {
  readonly impl: ServiceImpl<typeof ServerReflection>;
  readonly alphaImpl: ServiceImpl<typeof ServerReflectionAlpha>;
  private readonly files = new Map<string, ImageFile>();
  private readonly fileOfSymbol = new Map<string, string>();
  private readonly services: readonly string[];

  constructor(services: readonly string[], image: Uint8Array = readFileSync(IMAGE)) {
    this.services = [...services].sort();
    for (const file of readImage(image)) {
      this.files.set(file.proto.name, file);
      for (const symbol of symbolsOf(file.proto)) this.fileOfSymbol.set(symbol, file.proto.name);
    }
    const answer = this.answer.bind(this);
    this.impl = {
      async *serverReflectionInfo(requests) {
        for await (const request of requests) yield { ...answer(request), originalRequest: request };
      },
    };
    this.alphaImpl = {
      async *serverReflectionInfo(requests) {
        for await (const request of requests) {
          // The two versions differ in their package only.
          const same = fromBinary(ServerReflectionRequestSchema, toBinary(AlphaRequestSchema, request));
          const response = create(ServerReflectionResponseSchema, answer(same));
          const alpha = fromBinary(AlphaResponseSchema, toBinary(ServerReflectionResponseSchema, response));
          yield { ...alpha, originalRequest: request };
        }
      },
    };
  }

  private answer({ host, messageRequest }: ServerReflectionRequest) {
    return { validHost: host, messageResponse: this.respond(messageRequest) };
  }

  private respond(request: ServerReflectionRequest['messageRequest']): Answer {
    switch (request.case) {
      case 'listServices':
        return { case: 'listServicesResponse', value: { service: this.services.map((name) => ({ name })) } };
      case 'fileByFilename':
        return this.respondFile(request.value, request.value);
      case 'fileContainingSymbol':
        return this.respondFile(this.fileOfSymbol.get(request.value.replace(/^\./, '')), request.value);
      case 'fileContainingExtension': {
        const { containingType, extensionNumber } = request.value;
        return this.respondFile(undefined, `extension ${extensionNumber} of ${containingType}`);
      }
      case 'allExtensionNumbersOfType':
        return this.fileOfSymbol.has(request.value)
          ? { case: 'allExtensionNumbersResponse', value: { baseTypeName: request.value, extensionNumber: [] } }
          : fault(NOT_FOUND, `Cannot find "${request.value.slice(0, 256)}": no such type`);
      case undefined:
        return fault(UNIMPLEMENTED, 'Cannot answer: the request is of an unknown kind');
    }
  }

  private respondFile(name: string | undefined, wanted: string): Answer {
    if (name === undefined || !this.files.has(name)) {
      return fault(NOT_FOUND, `Cannot find "${wanted.slice(0, 256)}": no such symbol or file`);
    }
    const fileDescriptorProto = [...this.closureOf(name)].flatMap((file) => this.files.get(file)?.bytes ?? []);
    return { case: 'fileDescriptorResponse', value: { fileDescriptorProto } };
  }

  /** The file first, then everything that it imports. */
  private closureOf(name: string): ReadonlySet<string> {
    const closure = new Set([name]);
    // A set that grows while it is walked is walked to its end.
    for (const file of closure) for (const next of this.files.get(file)?.proto.dependency ?? []) closure.add(next);
    return closure;
  }
}

function fault(errorCode: number, errorMessage: string): Answer {
  return { case: 'errorResponse', value: { errorCode, errorMessage } };
}

/** The files of a FileDescriptorSet, each as the bytes that it has there. */
function readImage(image: Uint8Array): readonly ImageFile[] {
  const files: ImageFile[] = [];
  const reader = new BinaryReader(image);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field !== 1) {
      reader.skip(wireType, field);
      continue;
    }
    const bytes = new Uint8Array(reader.bytes());
    files.push({ bytes, proto: fromBinary(FileDescriptorProtoSchema, bytes) });
  }
  return files;
}

function symbolsOf(file: FileDescriptorProto): readonly string[] {
  const scope = file.package === '' ? '' : `${file.package}.`;
  return [
    ...file.messageType.flatMap((message) => messageSymbols(scope, message)),
    ...file.enumType.flatMap(({ name, value }) => [
      `${scope}${name}`,
      ...value.map((entry) => `${scope}${entry.name}`),
    ]),
    ...file.service.flatMap(({ name, method }) => [
      `${scope}${name}`,
      ...method.map((entry) => `${scope}${name}.${entry.name}`),
    ]),
    ...file.extension.map(({ name }) => `${scope}${name}`),
  ];
}

function messageSymbols(scope: string, message: DescriptorProto): readonly string[] {
  const name = `${scope}${message.name}`;
  const inner = `${name}.`;
  return [
    name,
    ...message.field.map((field) => `${inner}${field.name}`),
    ...message.oneofDecl.map((oneof) => `${inner}${oneof.name}`),
    ...message.enumType.flatMap((entry) => [
      `${inner}${entry.name}`,
      ...entry.value.map((value) => `${inner}${value.name}`),
    ]),
    ...message.nestedType.flatMap((nested) => messageSymbols(inner, nested)),
  ];
}
