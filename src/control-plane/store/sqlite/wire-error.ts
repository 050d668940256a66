/** Errors lose their class and our fields when they are posted between threads; these are the parts that matter. */
import { YardmasterError } from '../../../core/errors.ts';
import { StoreError, type StoreErrorKind } from '../port.ts';

export type WireError =
  | { readonly type: 'store'; readonly kind: StoreErrorKind; readonly message: string }
  | {
      readonly type: 'yardmaster';
      readonly code: string;
      readonly message: string;
      readonly meta: Readonly<Record<string, string>>;
      readonly next: string | undefined;
    };

export function toWireError(error: unknown): WireError {
  if (error instanceof StoreError) return { type: 'store', kind: error.kind, message: error.message };
  if (error instanceof YardmasterError) {
    const { code, message, meta, next } = error;
    return { type: 'yardmaster', code, message, meta, next };
  }
  return { type: 'store', kind: 'UNCLEAR', message: error instanceof Error ? error.message : String(error) };
}

export function fromWireError(error: WireError): StoreError | YardmasterError {
  if (error.type === 'store') return new StoreError(error.kind, error.message);
  const { code, message, meta, next } = error;
  return new YardmasterError(code, message, { meta, ...(next === undefined ? {} : { next }) });
}
