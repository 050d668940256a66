/** What is wrong with a JSON Schema that an agent states. Its own keywords, and those that we do not use, are left alone. */
import { isJsonObject, type JsonObject, type JsonValue } from '../../../core/json.ts';
import { faultOf } from '../../../workflow/parameters/keyword-values.ts';
import { type Kind, keywords } from '../../../workflow/parameters/keywords.ts';

/** The first fault, with its place: `"properties.to.type" must be ...`. Nesting is limited by that of a Value. */
export function schemaFault(schema: JsonObject, place = ''): string | undefined {
  for (const [keyword, value] of Object.entries(schema)) {
    const kind = keywords.get(keyword);
    if (kind === undefined) continue;
    const at = place === '' ? keyword : `${place}.${keyword}`;
    const fault = faultOf(kind, value);
    if (fault !== undefined) return `"${at}" ${fault}`;
    for (const [within, inner] of schemasIn(kind, value, at)) {
      if (!isJsonObject(inner)) continue;
      const innerFault = schemaFault(inner, within);
      if (innerFault !== undefined) return innerFault;
    }
  }
  return undefined;
}

function schemasIn(kind: Kind, value: JsonValue, at: string): readonly (readonly [string, JsonValue])[] {
  if (kind === 'schema') return [[at, value]];
  if (kind === 'schemas' && Array.isArray(value)) return value.map((inner, i) => [`${at}[${i}]`, inner]);
  if ((kind !== 'schemaMap' && kind !== 'patternMap') || !isJsonObject(value)) return [];
  return Object.entries(value).map(([name, inner]) => [`${at}.${name}`, inner]);
}
