/**
 * Wire twins of the hot messages of the agent stream, in which every `google.protobuf.Value` is `bytes`: the control plane
 * passes payloads on without decoding them. A `Value` and a `bytes` field have the same wire form, so both read each other.
 *
 * Only messages that lead to a Value get a twin; the others, and all enums, are shared with `yardmaster.v1`. `Capability` is
 * never twinned: its examples are not hot, and the directory shows them.
 */
import { create } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProto_Type,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';

const VALUE = '.google.protobuf.Value';
const SOURCE = '.yardmaster.v1.';
const PACKAGE = 'yardmaster.opaque.v1';
const ROOTS = [`${SOURCE}SessionRequest`, `${SOURCE}SessionResponse`];
const SHARED = `${SOURCE}Capability`;

export const OPAQUE_FILE = 'opaque/session.proto';

/** The file of twins for the messages in `files`; its dependencies are among them. */
export function createOpaqueFile(files: readonly FileDescriptorProto[]): FileDescriptorProto {
  const originals = indexMessages(files);
  const twins = findTwins(originals);
  const messages = [...twins].map((name) => rewriteMessage(mustFind(originals, name), twins));
  return create(FileDescriptorProtoSchema, {
    name: OPAQUE_FILE,
    package: PACKAGE,
    syntax: 'proto3',
    dependency: findDependencies(files, messages),
    messageType: messages,
  });
}

function indexMessages(files: readonly FileDescriptorProto[]): Map<string, DescriptorProto> {
  const entries = files
    .filter((file) => `.${file.package}.` === SOURCE)
    .flatMap((file) => file.messageType.map((message) => [`${SOURCE}${message.name}`, message] as const));
  return new Map(entries);
}

/** Names of the messages that are reachable from the roots and lead to a Value, in order of discovery. */
function findTwins(messages: ReadonlyMap<string, DescriptorProto>): Set<string> {
  const twins = new Set<string>();
  const seen = new Map<string, boolean>();
  const visit = (name: string): boolean => {
    if (name === VALUE) return true;
    const known = seen.get(name);
    if (known !== undefined) return known;
    seen.set(name, false);
    const message = messages.get(name);
    if (message === undefined || name === SHARED) return false;
    const leads = message.field.map((field) => visit(field.typeName)).includes(true);
    seen.set(name, leads);
    if (leads) twins.add(name);
    return leads;
  };
  for (const name of ROOTS) visit(name);
  return twins;
}

function rewriteMessage(message: DescriptorProto, twins: ReadonlySet<string>): DescriptorProto {
  return { ...message, field: message.field.map((field) => rewriteField(field, twins)) };
}

function rewriteField(field: FieldDescriptorProto, twins: ReadonlySet<string>): FieldDescriptorProto {
  if (field.typeName === VALUE) return { ...field, type: FieldDescriptorProto_Type.BYTES, typeName: '' };
  if (twins.has(field.typeName)) return { ...field, typeName: field.typeName.replace(SOURCE, `.${PACKAGE}.`) };
  return field;
}

/** The files that define what the twins still share. */
function findDependencies(files: readonly FileDescriptorProto[], messages: readonly DescriptorProto[]): string[] {
  const wanted = new Set(messages.flatMap((message) => message.field.map((field) => field.typeName)));
  const defines = (file: FileDescriptorProto): boolean =>
    [...file.messageType, ...file.enumType].some((type) => wanted.has(`.${file.package}.${type.name}`));
  return files.filter(defines).map((file) => file.name);
}

function mustFind(messages: ReadonlyMap<string, DescriptorProto>, name: string): DescriptorProto {
  const message = messages.get(name);
  if (message === undefined) throw new Error(`cannot twin "${name}": the image does not have it`);
  return message;
}
