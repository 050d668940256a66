import type { LinkStatus } from './link.ts';

export interface RefusedCapability {
  readonly name: string;
  readonly version: string;
  /** What is wrong with it. */
  readonly reason: string;
}

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
  | {
      readonly state: 'MOVING';
      readonly reason: string;
      readonly message: string;
      /** `host:port`; undefined: the agent's own. */
      readonly address: string | undefined;
      /** Addresses that were named and cannot be dialled. */
      readonly ignored: readonly string[];
    }
  /** The control plane cannot use these capabilities; the others are on offer. */
  | { readonly state: 'REFUSED'; readonly capabilities: readonly RefusedCapability[] }
  | { readonly state: 'DRAINING'; readonly held: number }
  | { readonly state: 'ENDED'; readonly reason: string };
