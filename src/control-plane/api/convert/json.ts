/** JSON within definitions: templates are Values, schemas and metadata are Structs. */
import { fromBinary, toBinary, type JsonObject as WireJsonObject } from '@bufbuild/protobuf';
import { type Value, ValueSchema } from '@bufbuild/protobuf/wkt';
import { isYardmasterError } from '../../../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../core/json.ts';
import { limits } from '../../../core/limits.ts';
import { decodeValue, encodeValue } from '../../../core/value.ts';
import type { Faults } from './faults.ts';

/** JSON with expressions in it; a fault when it is nested too deep or not JSON. */
export function readTemplate(faults: Faults, pointer: string, value: Value | undefined): JsonValue | undefined {
  return value === undefined ? undefined : readJson(faults, pointer, () => decodeValue(toBinary(ValueSchema, value)));
}

/** A Struct, which the decoder gives as JSON without looking at its numbers or its depth. */
export function readStruct(faults: Faults, pointer: string, struct: object | undefined): JsonObject | undefined {
  if (struct === undefined) return undefined;
  const json = readJson(faults, pointer, () => decodeValue(encodeValue(struct)));
  return isJsonObject(json) ? json : undefined;
}

function readJson(faults: Faults, pointer: string, read: () => JsonValue): JsonValue | undefined {
  try {
    return read();
  } catch (error) {
    if (!isYardmasterError(error)) throw error;
    faults.add(pointer, `${error.message} (at most ${limits.valueDepthMax} levels, finite numbers)`);
    return undefined;
  }
}

export function writeTemplate(template: JsonValue | undefined): Value | undefined {
  return template === undefined ? undefined : fromBinary(ValueSchema, encodeValue(template));
}

/** A copy, as the message type wants mutable JSON. */
export function writeStruct(json: JsonObject | undefined): WireJsonObject | undefined {
  return json === undefined ? undefined : JSON.parse(JSON.stringify(json));
}
