/**
 * A page from elsewhere must not speak to a control plane on this machine through the browser of its user: neither
 * under a name that was rebound to 127.0.0.1 (Host) nor across origins (Origin).
 */
import type { IncomingMessage, RequestListener } from 'node:http';

const LOCAL_NAMES = new Set(['localhost', '127.0.0.1', '[::1]']);

/** `isLoopback`: only names of this machine are taken as Host. */
export function guardHost(isLoopback: boolean, next: RequestListener): RequestListener {
  return (request, response) => {
    const fault = faultOf(request, isLoopback);
    if (fault === undefined) return next(request, response);
    response.writeHead(fault.status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
    response.end(`${fault.message}\n`);
  };
}

function faultOf(request: IncomingMessage, isLoopback: boolean): { status: number; message: string } | undefined {
  const { host, origin } = request.headers;
  const name = host === undefined ? undefined : nameOf(host);
  if (host === undefined || name === undefined)
    return { status: 400, message: 'Cannot answer: the Host header is missing' };
  if (isLoopback && !LOCAL_NAMES.has(name)) {
    return { status: 403, message: 'Cannot answer: the Host header does not name this machine' };
  }
  if (origin !== undefined && origin !== `http://${host}`) {
    return { status: 403, message: 'Cannot answer: the request comes from a page of another origin' };
  }
  return undefined;
}

function nameOf(host: string): string | undefined {
  return /^(\[[0-9a-fA-F:.]+\]|[^:/?#@\s]+)(:\d+)?$/.exec(host)?.[1]?.toLowerCase();
}
