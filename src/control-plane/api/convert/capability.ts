/** What an instance offers: wire to domain and back. */
import { create } from '@bufbuild/protobuf';
import valid from 'semver/functions/valid.js';
import { isYardmasterError } from '../../../core/errors.ts';
import { isJsonObject, type JsonObject } from '../../../core/json.ts';
import { limits } from '../../../core/limits.ts';
import { decodeValue, encodeValue } from '../../../core/value.ts';
import { CapabilitySchema, type Capability as WireCapability } from '../../../gen/yardmaster/v1/capability_pb.ts';
import type { State } from '../../../gen/yardmaster/v1/hello_pb.ts';
import type { Capability, InstanceState, RefusedCapability } from '../../registry/frames.ts';
import type { Faults } from './faults.ts';
import { schemaFault } from './schema-fault.ts';
import { cutText, quote, readLabels, readName } from './text.ts';
import { readDuration, writeDuration } from './times.ts';

export function readState(faults: Faults, pointer: string, state: State): InstanceState {
  if (state.slots > limits.slotsMax) faults.add(`${pointer}.slots`, `${state.slots} is over ${limits.slotsMax}`);
  if (state.revision === 0) faults.add(`${pointer}.revision`, 'is 0; revisions count from 1');
  const { capabilities, refused } = readCapabilities(faults, `${pointer}.capabilities`, state.capabilities);
  return {
    revision: state.revision,
    capabilities,
    ...(refused.length === 0 ? {} : { refused }),
    slots: Math.min(state.slots, limits.slotsMax),
    draining: state.draining,
    labels: readLabels(faults, `${pointer}.labels`, state.labels),
  };
}

interface ReadCapabilities {
  readonly capabilities: Capability[];
  readonly refused: RefusedCapability[];
}

/** A version or a schema that is wrong refuses its capability, and nothing else. */
function readCapabilities(faults: Faults, pointer: string, list: readonly WireCapability[]): ReadCapabilities {
  const read: ReadCapabilities = { capabilities: [], refused: [] };
  if (list.length > limits.capabilitiesMax) {
    faults.add(pointer, `has ${list.length} entries; at most ${limits.capabilitiesMax} are allowed`);
    return read;
  }
  const seen = new Set<string>();
  for (const [i, wire] of list.entries()) {
    // An attempt is of a capability by its name: in another version it is for another instance.
    if (seen.has(wire.name)) faults.add(`${pointer}[${i}]`, `${quote(wire.name)} is listed twice`);
    seen.add(wire.name);
    const capability = readCapability(faults, `${pointer}[${i}]`, wire);
    if ('reason' in capability) read.refused.push(capability);
    else read.capabilities.push(capability);
  }
  return read;
}

function readCapability(faults: Faults, pointer: string, wire: WireCapability): Capability | RefusedCapability {
  const reasons: string[] = [];
  if (wire.version !== '' && valid(wire.version) === null)
    reasons.push(`version ${quote(wire.version)} is not a semantic version such as "1.2.0"`);
  const inputSchema = readSchema(reasons, 'input_schema', wire.inputSchema);
  const outputSchema = readSchema(reasons, 'output_schema', wire.outputSchema);
  const name = readName(faults, `${pointer}.name`, wire.name);
  const capability: Capability = {
    name,
    version: wire.version,
    description: cutText(wire.description),
    idempotent: wire.idempotent,
    concurrency: wire.concurrency,
    timeoutMs: readDuration(faults, `${pointer}.default_timeout`, wire.defaultTimeout) ?? 0,
    lossWindowMs: readDuration(faults, `${pointer}.loss_window`, wire.lossWindow) ?? 0,
    labels: readLabels(faults, `${pointer}.labels`, wire.labels),
    inputSchema,
    outputSchema,
  };
  if (reasons.length === 0) return capability;
  return { name, version: cutText(wire.version, 128), reason: cutText(reasons.join('; ')) };
}

function readSchema(reasons: string[], field: string, schema: JsonObject | undefined): Uint8Array | undefined {
  if (schema === undefined) return undefined;
  try {
    const bytes = encodeValue(schema);
    const isTooLarge = bytes.length > limits.inlineWireBytesMax;
    const fault = isTooLarge ? `has ${bytes.length} bytes; at most ${limits.inlineWireBytesMax}` : schemaFault(schema);
    if (fault === undefined) return bytes;
    reasons.push(`${field}: ${fault}`);
  } catch (error) {
    if (!isYardmasterError(error)) throw error;
    reasons.push(`${field}: ${error.message}`);
  }
  return undefined;
}

export function writeCapability(capability: Capability): WireCapability {
  return create(CapabilitySchema, {
    name: capability.name,
    version: capability.version,
    description: capability.description,
    idempotent: capability.idempotent,
    concurrency: capability.concurrency,
    labels: { ...capability.labels },
    ...(capability.timeoutMs > 0 && { defaultTimeout: writeDuration(capability.timeoutMs) }),
    ...(capability.lossWindowMs > 0 && { lossWindow: writeDuration(capability.lossWindowMs) }),
    ...writeSchema('inputSchema', capability.inputSchema),
    ...writeSchema('outputSchema', capability.outputSchema),
  });
}

function writeSchema(field: 'inputSchema' | 'outputSchema', bytes: Uint8Array | undefined): { [field]?: JsonObject } {
  if (bytes === undefined) return {};
  const schema = decodeValue(bytes);
  return isJsonObject(schema) ? { [field]: schema } : {};
}
