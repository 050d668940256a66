import type { LinkStatus } from './link.ts';

/** Where a session stands, for logs and for `start()`. */
export type SessionPhase =
  | { readonly state: 'CONNECTING' }
  | {
      readonly state: 'CONNECTED';
      readonly node: string;
      /** Larger values go through BlobService. */
      readonly inlineValueBytesMax: number;
      readonly blobBytesMax: number;
    }
  /** The stream ended or was refused; the next dial follows. */
  | { readonly state: 'WAITING'; readonly delayMs: number; readonly status: LinkStatus }
  /** The control plane asked to connect anew. */
  | { readonly state: 'MOVING'; readonly reason: string; readonly message: string }
  | { readonly state: 'DRAINING'; readonly held: number }
  | { readonly state: 'ENDED'; readonly reason: string };
