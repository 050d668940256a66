/** What a fleet offers, as a file of TypeScript: a constant for each capability, with the types of its schemas. */
import { z } from 'zod';
import type { CapabilityOfferView } from '../client/index.ts';
import type { JsonObject } from '../core/json.ts';
import { typeOfSchema } from './json-schema-type.ts';

/** `offers`: by name, newest version first, as the control plane lists them. `command`: what makes the file again. */
export function writeCapabilityTypes(offers: readonly CapabilityOfferView[], command: string): string {
  const names = namesOf(offers);
  const parts = offers.map((offer, i) => constantOf(offer, names[i] ?? ''));
  return [
    `/** Made from a live fleet by \`${command}\`. Make it again instead of changing it. */`,
    "import { capability } from 'yardmaster';",
    "import { z } from 'zod';",
    '',
    ...parts,
  ].join('\n');
}

function constantOf({ capability, agentIds, clashing }: CapabilityOfferView, name: string): string {
  const { version, description, idempotent, inputSchema, outputSchema } = capability;
  const type = `${name[0]?.toUpperCase()}${name.slice(1)}`;
  const notes = [
    ...(description === '' ? [] : [description]),
    `Offered by ${agentIds.join(', ')}.`,
    ...(clashing.length === 0
      ? []
      : ['Its instances state different schemas: these are of the one connected longest.']),
  ];
  return [
    `export type ${type}Input = ${typeOfSchema(inputSchema)};`,
    `export type ${type}Output = ${typeOfSchema(outputSchema)};`,
    `/** ${notes.join(' ').replaceAll('*/', '* /')} */`,
    `export const ${name} = capability(${JSON.stringify(capability.name)}, {`,
    ...(version === '' ? [] : [`  version: ${JSON.stringify(version)},`]),
    ...(description === '' ? [] : [`  description: ${JSON.stringify(description)},`]),
    ...(idempotent ? ['  idempotent: true,'] : []),
    `  input: ${zodOf(inputSchema)} as z.ZodType<${type}Input, ${type}Input>,`,
    `  output: ${zodOf(outputSchema)} as z.ZodType<${type}Output, ${type}Output>,`,
    '});',
    '',
  ].join('\n');
}

/** A schema that zod cannot read checks nothing here; the control plane and the agent still do. */
function zodOf(schema: JsonObject | undefined): string {
  if (schema === undefined) return 'z.unknown()';
  try {
    z.fromJSONSchema(schema);
    return `z.fromJSONSchema(${JSON.stringify(schema)})`;
  } catch {
    return 'z.unknown()';
  }
}

/** Names of constants; of several versions all but the newest say theirs. */
function namesOf(offers: readonly CapabilityOfferView[]): readonly string[] {
  const taken = new Set<string>();
  return offers.map(({ capability: { name, version } }) => {
    const base = camelOf(name);
    const wanted = taken.has(base) ? `${base}_${version.replaceAll(/\W/g, '_')}` : base;
    let free = wanted;
    for (let i = 2; taken.has(free); i++) free = `${wanted}_${i}`;
    taken.add(free);
    return free;
  });
}

const RESERVED: ReadonlySet<string> = new Set(
  `break case catch class const continue debugger default delete do else enum export extends false finally for function if
  implements import in instanceof interface let new null package private protected public return static super switch this throw
  true try typeof var void while with yield await async capability z`.split(/\s+/),
);

function camelOf(name: string): string {
  const [first = '', ...rest] = name.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  const words = [lowered(first), ...rest.map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`)].join('');
  return words === '' || /^\d/.test(words) || RESERVED.has(words) ? `_${words}` : words;
}

function lowered(word: string): string {
  return `${word[0]?.toLowerCase() ?? ''}${word.slice(1)}`;
}
