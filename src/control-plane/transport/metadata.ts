/** Headers as handlers see them, and the metadata of grpc-js. Values of `-bin` keys are base64 there and bytes here. */
import type { OutgoingHttpHeaders } from 'node:http2';
import { Metadata } from '@grpc/grpc-js';

const BINARY = '-bin';

/** Sends base64 without padding, which gRPC asks of senders and grpc-js leaves on. */
export class UnpaddedMetadata extends Metadata {
  /** grpc-js sends a copy. */
  override clone(): Metadata {
    const copy = new UnpaddedMetadata(this.getOptions());
    copy.merge(this);
    return copy;
  }

  override toHttp2Headers(): OutgoingHttpHeaders {
    const headers = super.toHttp2Headers();
    for (const [name, value] of Object.entries(headers)) {
      if (!name.endsWith(BINARY)) continue;
      headers[name] = Array.isArray(value) ? value.map(stripPadding) : stripPadding(String(value));
    }
    return headers;
  }
}

export function toHeaders(metadata: Metadata): Headers {
  const headers = new Headers();
  for (const [name, values] of Object.entries(metadata.toJSON())) {
    for (const value of values) {
      headers.append(name, typeof value === 'string' ? value : stripPadding(value.toString('base64')));
    }
  }
  return headers;
}

/** Undefined when there are none. */
export function toMetadata(headers: Headers | undefined): Metadata | undefined {
  let metadata: Metadata | undefined;
  for (const [name, value] of headers ?? []) {
    metadata ??= new UnpaddedMetadata();
    if (!name.endsWith(BINARY)) metadata.add(name, value);
    // Headers joins the values of a name with commas, which base64 does not have.
    else for (const one of value.split(',')) metadata.add(name, Buffer.from(one.trim(), 'base64'));
  }
  return metadata;
}

function stripPadding(base64: string): string {
  return base64.replace(/=+$/, '');
}
