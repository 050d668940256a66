/**
 * Sessions over HTTP, for hosts of the revisions before 2026-07-28. Without one, a request cannot name an earlier one to
 * call it off, and there is no stream to tell of changes.
 *
 * 1. A session begins with `initialize` and ends when its host says so, or to make room for another.
 * 2. Only one that has no request open makes room.
 * 3. Whoever comes with the id of a session that has ended is answered 404, upon which hosts begin another.
 */
import { isInitializeRequest, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server';
import type { ToolServers } from './server.ts';

/** Most hosts never say that they are gone. */
const SESSIONS_MAX = 256;
const SESSION_HEADER = 'mcp-session-id';

interface Session {
  readonly transport: WebStandardStreamableHTTPServerTransport;
  readonly close: () => Promise<void>;
  /** Requests whose answer has not ended; the stream that tells of changes is one. */
  open: number;
}

export class Sessions {
  readonly #servers: ToolServers;
  readonly #max: number;
  /** By id; whose last request is the oldest comes first. */
  readonly #sessions = new Map<string, Session>();

  constructor(servers: ToolServers, max = SESSIONS_MAX) {
    this.#servers = servers;
    this.#max = max;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Undefined: it is not of a session, and begins none. Its signal aborts when the answer has ended or the host is gone. */
  async answer(request: Request, parsedBody?: unknown): Promise<Response | undefined> {
    const id = request.headers.get(SESSION_HEADER);
    if (id !== null) return this.#goOn(id, request, parsedBody);
    if (!isInitializeRequest(parsedBody)) return undefined;
    if (!(await this.#makeRoom())) return refusal(503, `There are ${this.#max} sessions, and all of them are at work`);
    return this.#begin(request, parsedBody);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map(({ close }) => close()));
  }

  async #goOn(id: string, request: Request, parsedBody: unknown): Promise<Response> {
    const session = this.#sessions.get(id);
    if (session === undefined) return refusal(404, 'Session not found: it has ended, begin another');
    this.#sessions.delete(id);
    this.#sessions.set(id, session);
    return pass(session, request, parsedBody);
  }

  async #begin(request: Request, parsedBody: unknown): Promise<Response> {
    const server = this.#servers.create();
    const off = this.#servers.tools.onChange(() => void server.sendToolListChanged().catch(() => {}));
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      onsessioninitialized: (id) => void this.#sessions.set(id, session),
    });
    const session: Session = { transport, open: 0, close: () => server.close() };
    server.onclose = () => {
      off();
      if (transport.sessionId !== undefined) this.#sessions.delete(transport.sessionId);
    };
    await server.connect(transport);
    const answer = await pass(session, request, parsedBody);
    if (transport.sessionId === undefined) await server.close();
    return answer;
  }

  async #makeRoom(): Promise<boolean> {
    if (this.#sessions.size < this.#max) return true;
    const idle = [...this.#sessions.values()].find(({ open }) => open === 0);
    await idle?.close();
    return idle !== undefined;
  }
}

function pass(session: Session, request: Request, parsedBody: unknown): Promise<Response> {
  session.open += 1;
  request.signal.addEventListener('abort', () => (session.open -= 1), { once: true });
  return session.transport.handleRequest(request, parsedBody === undefined ? {} : { parsedBody });
}

function refusal(status: number, message: string): Response {
  return Response.json({ jsonrpc: '2.0', error: { code: -32_001, message }, id: null }, { status });
}
