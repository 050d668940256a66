/**
 * Wire enums are open: a number from a newer sender is read as the fallback. Names of the domain and of the wire are the
 * same words, so writing is a lookup (`StopReason[name]`) and needs no function.
 */
type WireEnum = Readonly<Record<string, number>>;

/** Answers a function from wire numbers to names. */
export function enumReader<const T extends WireEnum, const F extends string>(
  wire: T,
  fallback: F,
): (value: number) => NameOf<T> | F {
  const names = new Map<number, NameOf<T>>();
  for (const [name, value] of Object.entries(wire)) {
    if (name !== 'UNSPECIFIED') names.set(value, name as NameOf<T>);
  }
  return (value) => names.get(value) ?? fallback;
}

type NameOf<T extends WireEnum> = Exclude<keyof T & string, 'UNSPECIFIED'>;
