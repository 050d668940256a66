/** How a known-bad variant is put in from outside: methods of the product are replaced, `private` ones included. */
import type { FaultKind } from '../faults.ts';
import type { SimOptions } from '../simulate.ts';

export interface PlantedBug {
  readonly name: string;
  /** It must be found within so many seeds. */
  readonly seedsMax: number;
  /** Puts it in; the answer takes it out again. */
  plant(): Planted;
}

export interface Planted {
  readonly options: SimOptions;
  remove(): void;
}

/** Methods by name: a substitution is not bound by the product's walls. */
type Methods = Record<string, (...args: never[]) => unknown>;

export function substitute<This>(
  owner: { readonly prototype: This },
  name: string,
  make: (original: (...args: never[]) => unknown) => (this: This, ...args: never[]) => unknown,
): () => void {
  const methods = owner.prototype as unknown as Methods;
  const original = methods[name];
  if (original === undefined) throw new Error(`Cannot plant: there is no method "${name}"`);
  methods[name] = make(original) as (...args: never[]) => unknown;
  return () => {
    methods[name] = original;
  };
}

export function planted(remove: () => void, options: SimOptions = {}): Planted {
  return { options, remove };
}

/** These faults are what the bug needs, so no seed leaves them out. */
export function withFaults(...kinds: readonly FaultKind[]): SimOptions {
  return { adjust: (settings) => ({ ...settings, kinds: [...new Set([...settings.kinds, ...kinds])] }) };
}
