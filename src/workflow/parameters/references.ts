/** `$ref` within one document, and schemas that lead back to themselves without having looked at a part of the value. */
import type { Path } from '../finding.ts';

export interface PlaceOfSchema {
  readonly path: Path;
  /** Pointers of the schemas that look at the same value as this one. */
  readonly sameValue: string[];
}

/** JSON Pointer (RFC 6901). */
export function pointerOf(path: Path): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** The pointer that `#...` means; undefined when it is none. */
export function resolveRef(ref: string): string | undefined {
  try {
    const pointer = decodeURIComponent(ref.slice(1));
    return pointer === '' || pointer.startsWith('/') ? pointer : undefined;
  } catch {
    return undefined;
  }
}

/** A place on a circle. There are at most `limits.parameterSchemasMax` places, and so many levels. */
export function findCircle(places: ReadonlyMap<string, PlaceOfSchema>): PlaceOfSchema | undefined {
  const done = new Set<string>();
  const open = new Set<string>();
  const visit = (pointer: string): PlaceOfSchema | undefined => {
    const place = places.get(pointer);
    if (place === undefined || done.has(pointer)) return undefined;
    if (open.has(pointer)) return place;
    open.add(pointer);
    for (const next of place.sameValue) {
      const found = visit(next);
      if (found !== undefined) return found;
    }
    open.delete(pointer);
    done.add(pointer);
    return undefined;
  };
  for (const pointer of places.keys()) {
    const found = visit(pointer);
    if (found !== undefined) return found;
  }
  return undefined;
}
