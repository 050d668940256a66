import { StoreError } from '../../../src/control-plane/store/index.ts';

/** The kind of a store's refusal; undefined when there is none. */
export async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => (error instanceof StoreError ? error.kind : error),
  );
}
