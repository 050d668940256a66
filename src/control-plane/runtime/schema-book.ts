/** The JSON Schemas of capabilities, read once: what many instances state alike is one schema here. */
import { isJsonObject, type JsonObject } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import { decodeValue } from '../../core/value.ts';
import { checkFormSchema } from '../../workflow/parameters/check-schema.ts';

/** A schema that values are checked by, or why they are not: it cannot be checked in bounded time. */
export type ReadSchema = { readonly schema: JsonObject } | { readonly fault: string };

export class SchemaBook {
  readonly #hash: (bytes: Uint8Array) => string;
  readonly #byBytes = new WeakMap<Uint8Array, ReadSchema>();
  /** The oldest first. */
  readonly #byHash = new Map<string, ReadSchema>();

  constructor(hash: (bytes: Uint8Array) => string) {
    this.#hash = hash;
  }

  /** `bytes`: of a Value, as an instance states it. */
  read(bytes: Uint8Array): ReadSchema {
    let read = this.#byBytes.get(bytes);
    if (read === undefined) {
      read = this.#shared(bytes);
      this.#byBytes.set(bytes, read);
    }
    return read;
  }

  #shared(bytes: Uint8Array): ReadSchema {
    const hash = this.#hash(bytes);
    const known = this.#byHash.get(hash);
    if (known !== undefined) return known;
    const read = readSchema(bytes);
    this.#byHash.set(hash, read);
    const [oldest] = this.#byHash.keys();
    if (this.#byHash.size > limits.schemasKeptMax && oldest !== undefined) this.#byHash.delete(oldest);
    return read;
  }
}

function readSchema(bytes: Uint8Array): ReadSchema {
  const schema = decodeValue(bytes);
  if (!isJsonObject(schema)) return { fault: 'it is no object' };
  const [first] = checkFormSchema(schema, []);
  if (first === undefined) return { schema };
  const place = first.path.length === 0 ? '' : `${first.path.join('.')}: `;
  return { fault: `${place}${first.message}` };
}
