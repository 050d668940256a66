/** What the port answers over HTTP/1.1 beside the RPCs. Reads only; nothing here changes anything. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { protoArchive } from './proto-archive.ts';

export interface HttpPagesOptions {
  readonly node: string;
  readonly services: readonly string[];
  readonly isReady: () => boolean;
  readonly metrics: { readonly contentType: string; readonly read: () => Promise<string> };
}

/** Lets another process that finds the port taken say by whom. */
export const NODE_HEADER = 'x-yardmaster-node';
export const PID_HEADER = 'x-yardmaster-pid';

const PAGES = ['/', '/readyz', '/livez', '/metrics', '/proto.tar'];
const TEXT = 'text/plain; charset=utf-8';

export function createHttpPages(options: HttpPagesOptions): RequestListener {
  return (request, response) => {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    // Elsewhere it is an RPC that does not exist, which clients know by 404.
    if (!isRead && PAGES.includes(pathOf(request))) {
      send(response, 405, 'Cannot do that here: this page is only read with GET\n', TEXT);
      return;
    }
    answer(options, request, response).catch(() => send(response, 500, 'Cannot answer: an internal error\n', TEXT));
  };
}

function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '/';
}

async function answer(options: HttpPagesOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = pathOf(request);
  switch (path) {
    case '/':
      return send(response, 200, indexPage(options), 'text/html; charset=utf-8');
    case '/livez':
      response.setHeader(NODE_HEADER, options.node);
      response.setHeader(PID_HEADER, String(process.pid));
      return send(response, 200, 'ok\n', TEXT);
    case '/readyz':
      return options.isReady() ? send(response, 200, 'ok\n', TEXT) : send(response, 503, 'not ready\n', TEXT);
    case '/metrics':
      return send(response, 200, await options.metrics.read(), options.metrics.contentType);
    case '/proto.tar':
      return send(response, 200, protoArchive(), 'application/x-tar');
    default:
      return send(response, 404, `Cannot find "${path.slice(0, 200)}": see / for what is here\n`, TEXT);
  }
}

function send(response: ServerResponse, status: number, body: string | Buffer, type: string): void {
  if (response.headersSent) return;
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  });
  response.end(body);
}

function indexPage({ node, services }: HttpPagesOptions): string {
  const links = PAGES.slice(1).map((path) => `<li><a href="${path}">${path}</a></li>`);
  const names = services.map((name) => `<li><code>${name}</code></li>`);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Yardmaster</title>
<h1>Yardmaster <small>${escapeHtml(node)}</small></h1>
<p>This port speaks gRPC, and Connect, gRPC-Web and JSON over HTTP/1.1.</p>
<ul>${links.join('')}</ul>
<h2>Services</h2>
<ul>${names.join('')}</ul>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
