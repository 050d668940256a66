/** What the handlers' side knows of a session, wherever the session lives: in this thread or in a worker. */
import type { BlobLink, CallLink } from './link.ts';
import type { News, Offer, Order } from './news.ts';
import type { SessionPhase } from './session-phase.ts';

export interface Session extends BlobLink, CallLink {
  start(): void;
  tell(news: News): void;
  offer(offer: Offer): void;
  /** Leaves in order; the phase ENDED follows. */
  leave(reason: string, graceMs: number): void;
  /** Ends at once; the phase ENDED follows. */
  end(reason: string): void;
}

export interface SessionEvents {
  onOrders(orders: readonly Order[]): void;
  onPhase(phase: SessionPhase): void;
}
