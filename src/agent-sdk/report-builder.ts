/** Packs updates and results into Report frames that stay near a size. Pure. */
import type { AttemptResult, AttemptUpdate, SessionRequest } from '../gen/opaque/session_pb.ts';
import { makeReport } from './frames.ts';

export class ReportBuilder {
  readonly #bytesSoft: number;
  readonly #frames: SessionRequest[] = [];
  #updates: AttemptUpdate[] = [];
  #results: AttemptResult[] = [];
  #bytes = 0;

  constructor(bytesSoft: number) {
    this.#bytesSoft = bytesSoft;
  }

  /** `bytes` is an estimate of the encoded size. */
  update(update: AttemptUpdate, bytes: number): void {
    this.#makeRoom(bytes);
    this.#updates.push(update);
  }

  result(result: AttemptResult, bytes: number): void {
    this.#makeRoom(bytes);
    this.#results.push(result);
  }

  /** The frames, in the order in which things were added. */
  finish(): readonly SessionRequest[] {
    this.#cut();
    return this.#frames;
  }

  #makeRoom(bytes: number): void {
    if (this.#bytes > 0 && this.#bytes + bytes > this.#bytesSoft) this.#cut();
    this.#bytes += bytes;
  }

  #cut(): void {
    if (this.#updates.length + this.#results.length === 0) return;
    this.#frames.push(makeReport(this.#updates, this.#results));
    this.#updates = [];
    this.#results = [];
    this.#bytes = 0;
  }
}
