/** What an instance offers: wire to domain and back. */
import { create } from '@bufbuild/protobuf';
import valid from 'semver/functions/valid.js';
import { isYardmasterError } from '../../../core/errors.ts';
import { isJsonObject, type JsonObject } from '../../../core/json.ts';
import { limits } from '../../../core/limits.ts';
import { decodeValue, encodeValue } from '../../../core/value.ts';
import { CapabilitySchema, type Capability as WireCapability } from '../../../gen/yardmaster/v1/capability_pb.ts';
import type { State } from '../../../gen/yardmaster/v1/hello_pb.ts';
import type { Capability, InstanceState } from '../../registry/frames.ts';
import type { Faults } from './faults.ts';
import { cutText, quote, readLabels, readName } from './text.ts';
import { readDuration, writeDuration } from './times.ts';

export function readState(faults: Faults, pointer: string, state: State): InstanceState {
  if (state.slots > limits.slotsMax) faults.add(`${pointer}.slots`, `${state.slots} is over ${limits.slotsMax}`);
  if (state.revision === 0) faults.add(`${pointer}.revision`, 'is 0; revisions count from 1');
  return {
    revision: state.revision,
    capabilities: readCapabilities(faults, `${pointer}.capabilities`, state.capabilities),
    slots: Math.min(state.slots, limits.slotsMax),
    draining: state.draining,
    labels: readLabels(faults, `${pointer}.labels`, state.labels),
  };
}

function readCapabilities(faults: Faults, pointer: string, list: readonly WireCapability[]): readonly Capability[] {
  if (list.length > limits.capabilitiesMax) {
    faults.add(pointer, `has ${list.length} entries; at most ${limits.capabilitiesMax} are allowed`);
    return [];
  }
  const seen = new Set<string>();
  return list.map((wire, i) => {
    const key = `${wire.name}@${wire.version}`;
    if (seen.has(key)) faults.add(`${pointer}[${i}]`, `${quote(key)} is listed twice`);
    seen.add(key);
    return readCapability(faults, `${pointer}[${i}]`, wire);
  });
}

function readCapability(faults: Faults, pointer: string, wire: WireCapability): Capability {
  if (wire.version !== '' && valid(wire.version) === null) {
    faults.add(`${pointer}.version`, `${quote(wire.version)} is not a semantic version such as "1.2.0"`);
  }
  return {
    name: readName(faults, `${pointer}.name`, wire.name),
    version: wire.version,
    description: cutText(wire.description),
    idempotent: wire.idempotent,
    concurrency: wire.concurrency,
    timeoutMs: readDuration(faults, `${pointer}.default_timeout`, wire.defaultTimeout) ?? 0,
    lossWindowMs: readDuration(faults, `${pointer}.loss_window`, wire.lossWindow) ?? 0,
    labels: readLabels(faults, `${pointer}.labels`, wire.labels),
    inputSchema: readSchema(faults, `${pointer}.input_schema`, wire.inputSchema),
    outputSchema: readSchema(faults, `${pointer}.output_schema`, wire.outputSchema),
  };
}

function readSchema(faults: Faults, pointer: string, schema: JsonObject | undefined): Uint8Array | undefined {
  if (schema === undefined) return undefined;
  try {
    const bytes = encodeValue(schema);
    if (bytes.length <= limits.inlineWireBytesMax) return bytes;
    faults.add(pointer, `has ${bytes.length} bytes; at most ${limits.inlineWireBytesMax} are allowed`);
  } catch (error) {
    if (!isYardmasterError(error)) throw error;
    faults.add(pointer, error.message);
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
