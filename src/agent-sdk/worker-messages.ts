/** What crosses the threads. Lists, because a message costs more than its content. */
import type { GrpcLinkOptions } from './grpc-link.ts';
import type { BlobUpload, CallAnswer, CallOrder, CallProgress } from './link.ts';
import type { BlobReference, Identity, Offer } from './news.ts';
import type { Packed, PackedNews, PackedOrder } from './packed.ts';
import type { SessionPhase } from './session-phase.ts';

/** What the worker is started with. */
export interface SocketWorkerData {
  readonly identity: Identity;
  readonly offer: Offer;
  readonly link: GrpcLinkOptions;
}

/** From the handlers' thread. */
export type ToWorker =
  | { readonly type: 'start' }
  | { readonly type: 'news'; readonly news: Packed<PackedNews> }
  | { readonly type: 'offer'; readonly offer: Offer }
  | { readonly type: 'leave'; readonly reason: string; readonly graceMs: number }
  | { readonly type: 'end'; readonly reason: string }
  | { readonly type: 'pong'; readonly number: number }
  | { readonly type: 'upload'; readonly call: number; readonly upload: BlobUpload }
  | { readonly type: 'download'; readonly call: number; readonly runId: string; readonly blob: BlobReference }
  | { readonly type: 'invoke'; readonly call: number; readonly order: CallOrder }
  | { readonly type: 'abort'; readonly call: number };

/** From the worker. */
export type ToHost =
  | { readonly type: 'orders'; readonly orders: Packed<PackedOrder> }
  | { readonly type: 'phase'; readonly phase: SessionPhase }
  | { readonly type: 'ping'; readonly number: number }
  | { readonly type: 'uploaded'; readonly call: number; readonly blob: BlobReference }
  | { readonly type: 'downloaded'; readonly call: number; readonly bytes: Uint8Array }
  | { readonly type: 'progressed'; readonly call: number; readonly progress: CallProgress }
  | { readonly type: 'invoked'; readonly call: number; readonly answer: CallAnswer }
  /** `reason`: of an ErrorInfo; '' : none. */
  | {
      readonly type: 'failed';
      readonly call: number;
      readonly code: string;
      readonly message: string;
      readonly reason: string;
    };
