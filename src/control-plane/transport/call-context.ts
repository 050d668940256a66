/**
 * What a handler may ask of its call. Connect's own context makes three AbortControllers and three Headers for every call,
 * which cost as much as a small answer; here each part is made when somebody asks for it.
 */
import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { type ContextValues, createContextValues, type HandlerContext } from '@connectrpc/connect';
import type { Metadata } from '@grpc/grpc-js';
import { type CallOrigin, originKey } from '../api/caller.ts';
import { deadlineOf } from './deadline.ts';
import { toHeaders } from './metadata.ts';

/** The reason of a signal whose call is over. One for all: making an error costs more than telling it. */
const CALL_OVER = new Error('the call is over');

export interface CallIdentity {
  readonly service: DescService;
  readonly method: DescMethod;
  readonly url: string;
  readonly call: OriginCall;
}

/** What a call of grpc-js knows of its caller. */
export interface OriginCall {
  /** Address and port. */
  getPeer(): string;
  /** Milliseconds since the epoch; Infinity: none. */
  getDeadline(): Date | number;
  readonly metadata: Metadata;
}

export class CallContext implements HandlerContext {
  readonly service: DescService;
  readonly method: DescMethod;
  readonly url: string;
  readonly requestMethod = 'POST';
  readonly protocolName = 'grpc';
  private readonly call: OriginCall;
  private controller: AbortController | undefined;
  private requestHeaders: Headers | undefined;
  private answerHeaders: Headers | undefined;
  private answerTrailers: Headers | undefined;
  private areHeadersTaken = false;
  private contextValues: ContextValues | undefined;
  private ended: unknown;

  constructor({ service, method, url, call }: CallIdentity) {
    this.service = service;
    this.method = method;
    this.url = url;
    this.call = call;
  }

  /** Aborts when the call is cancelled or over, and when the server stops. */
  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.ended !== undefined) this.controller.abort(this.ended);
    return this.controller.signal;
  }

  get requestHeader(): Headers {
    this.requestHeaders ??= toHeaders(this.call.metadata);
    return this.requestHeaders;
  }

  get responseHeader(): Headers {
    this.answerHeaders ??= new Headers();
    return this.answerHeaders;
  }

  get responseTrailer(): Headers {
    this.answerTrailers ??= new Headers();
    return this.answerTrailers;
  }

  get values(): ContextValues {
    this.contextValues ??= createContextValues().set(originKey, originOf(this.call));
    return this.contextValues;
  }

  /** Left of the time that the caller gives; undefined: it gives no end. */
  timeoutMs(): number | undefined {
    const deadline = deadlineOf(this.call);
    return deadline === undefined ? undefined : Math.max(0, deadline - Date.now());
  }

  /** What the handler has set of them, the first time; undefined: nothing. They go out once, before the first message. */
  takeHeaders(): Headers | undefined {
    if (this.areHeadersTaken) return undefined;
    this.areHeadersTaken = true;
    return this.answerHeaders;
  }

  /** What the handler has set of them; undefined: nothing. */
  get trailers(): Headers | undefined {
    return this.answerTrailers;
  }

  end(reason: unknown = CALL_OVER): void {
    if (this.ended !== undefined) return;
    this.ended = reason;
    this.controller?.abort(reason);
  }
}

function originOf(call: OriginCall): CallOrigin {
  return {
    get address() {
      const peer = call.getPeer();
      return peer.slice(0, peer.lastIndexOf(':'));
    },
    header(name) {
      const [value] = call.metadata.get(name);
      return typeof value === 'string' ? value : '';
    },
  };
}
