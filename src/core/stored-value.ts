/**
 * A JSON value as journals, tasks and frames carry it: the protobuf bytes of a `google.protobuf.Value`, which nobody
 * decodes until an expression or a schema reads it. Up to `limits.inlineEventBytesMax` it stands inline; above, it is a
 * blob of its run.
 */
export type StoredValue = InlineValue | BlobValue;

export interface InlineValue {
  readonly kind: 'inline';
  readonly bytes: Uint8Array;
}

export interface BlobValue {
  readonly kind: 'blob';
  /** Unique within the run. */
  readonly blobId: string;
  /** Length of the Value's bytes. */
  readonly size: number;
}

export function inlineValue(bytes: Uint8Array): InlineValue {
  return { kind: 'inline', bytes };
}

export function storedSize(value: StoredValue): number {
  return value.kind === 'inline' ? value.bytes.length : value.size;
}
