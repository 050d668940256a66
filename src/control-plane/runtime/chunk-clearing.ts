/**
 * Takes secrets out of the chunks of one attempt, also those that go over several chunks of a channel. A chunk in which one may begin
 * is held back until the next one tells, and with it everything after it: chunks keep their order.
 */
import { limits } from '../../core/limits.ts';
import type { Redactor } from '../../core/redactor.ts';
import type { ReportedChunk } from '../registry/frames.ts';

export class ChunkClearing {
  private readonly redactor: Redactor;
  private held: ReportedChunk[] = [];

  constructor(redactor: Redactor) {
    this.redactor = redactor;
  }

  get isHolding(): boolean {
    return this.held.length > 0;
  }

  /** Those that can be stored now, in order. */
  add(chunk: ReportedChunk): readonly ReportedChunk[] {
    this.held.push(chunk);
    const { chunks, open } = this.clear();
    if (this.held.length > limits.chunksHeldBackMax) return this.release();
    this.held = this.held.slice(open);
    return chunks.slice(0, open);
  }

  /** All of them: nothing comes that would tell more. */
  release(): readonly ReportedChunk[] {
    const { chunks } = this.clear();
    this.held = [];
    return chunks;
  }

  private clear(): { readonly chunks: readonly ReportedChunk[]; readonly open: number } {
    const chunks = [...this.held];
    let open = chunks.length;
    for (const channel of new Set(chunks.map((chunk) => chunk.channel))) {
      const places = [...chunks.keys()].filter((i) => chunks[i]?.channel === channel);
      const cleared = this.redactor.pieces(places.map((i) => chunks[i]?.bytes ?? NOTHING));
      for (const [j, i] of places.entries()) {
        const chunk = chunks[i];
        const bytes = cleared.pieces[j];
        if (chunk !== undefined && bytes !== undefined) chunks[i] = { ...chunk, bytes };
      }
      open = Math.min(open, places[cleared.open] ?? chunks.length);
    }
    return { chunks, open };
  }
}

const NOTHING = new Uint8Array(0);
