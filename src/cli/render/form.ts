/** What is sent with a signal: its form as people read it, and an example to type. */
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import { alignParts } from './table.ts';
import { cut, safe } from './text.ts';

const DESCRIPTION_WIDTH = 60;
/** Of objects in an example. */
const DEPTH_MAX = 4;
const EXAMPLE_CHARS_MAX = 200;

/** A line per property of an object: its name, its type, what it is for. Empty: the schema has none. */
export function propertyLines(schema: JsonObject | undefined): readonly string[] {
  const properties = schema?.properties;
  if (!isJsonObject(properties)) return [];
  const required = Array.isArray(schema?.required) ? schema.required : [];
  const lines = Object.entries(properties).map(([name, property]) => {
    const type = isJsonObject(property) && typeof property.type === 'string' ? property.type : 'any';
    const described = isJsonObject(property) && typeof property.description === 'string' ? property.description : '';
    const note = [required.includes(name) ? '' : 'optional', cut(safe(described), DESCRIPTION_WIDTH)];
    return [`  ${safe(name)}`, safe(type), note.filter((part) => part !== '').join('  ')];
  });
  return alignParts(lines);
}

/** ` --payload '{"approved":true}'`: what to type for a form; '' where nothing has to be said. */
export function payloadHint(form: JsonObject | undefined): string {
  if (form === undefined) return '';
  const text = safe(JSON.stringify(exampleOf(form, 0)));
  // A quote within quotes would end them, and the rest would be a command.
  return text.length > EXAMPLE_CHARS_MAX || text.includes("'") ? ' --payload JSON' : ` --payload '${text}'`;
}

/** A value that shows the shape; limits of numbers and texts are for whoever fills it in. */
function exampleOf(schema: JsonValue | undefined, depth: number): JsonValue {
  if (!isJsonObject(schema)) return null;
  const { examples, enum: allowed } = schema;
  const given = [schema.default, schema.const, first(examples), first(allowed)].find((value) => value !== undefined);
  if (given !== undefined) return given;
  switch (first(schema.type) ?? schema.type) {
    case 'object':
      return depth < DEPTH_MAX ? exampleObject(schema, depth) : {};
    case 'array':
      return [];
    case 'string':
      return '...';
    case 'boolean':
      return true;
    case 'integer':
    case 'number':
      return typeof schema.minimum === 'number' ? schema.minimum : 0;
    default:
      return isJsonObject(schema.properties) && depth < DEPTH_MAX ? exampleObject(schema, depth) : null;
  }
}

/** What is required; all of it where nothing is. */
function exampleObject({ properties, required }: JsonObject, depth: number): JsonObject {
  const known = isJsonObject(properties) ? properties : {};
  const needed = Array.isArray(required) && required.length > 0 ? required.map(String) : Object.keys(known);
  return Object.fromEntries(needed.map((name) => [name, exampleOf(known[name], depth + 1)]));
}

function first(value: JsonValue | undefined): JsonValue | undefined {
  return Array.isArray(value) ? value[0] : undefined;
}
