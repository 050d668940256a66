/**
 * One batch as one buffer for the worker: lists in a fixed order (`writeFrame` here, `batch-writer.ts` there), read by the same
 * version of the program. Text that repeats (run ids, agents, classes) is written once: 0 and the text, later its number.
 * Rare lists go as JSON.
 */
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { KeptWriter } from '../../../core/kept-writer.ts';
import { writeEvents } from '../codec/encode.ts';
import type { Batch, OutputChange, TaskKey, TaskRow } from '../port.ts';

const frames = new KeptWriter(() => new BinaryWriter(), 4 * 1024 * 1024);

export function writeFrame(batch: Batch): Uint8Array<ArrayBuffer> {
  return frames.write(writeBatch, batch);
}

function writeBatch(writer: BinaryWriter, batch: Batch): void {
  new FrameWriter(writer).write(batch);
}

class FrameWriter {
  readonly #writer: BinaryWriter;
  readonly #texts = new Map<string, number>();

  constructor(writer: BinaryWriter) {
    this.#writer = writer;
  }

  write(batch: Batch): void {
    const writer = this.#writer;
    writer.uint32(batch.epoch);
    this.#json(batch.runs);
    writer.uint32(batch.journal.length);
    for (const { runId, position, events } of batch.journal) {
      this.#text(runId);
      writer.uint32(position).fork();
      writeEvents(writer, events);
      writer.join();
    }
    writer.uint32(batch.snapshots.length);
    for (const { runId, position, bytes } of batch.snapshots) {
      this.#text(runId);
      writer.uint32(position).bytes(bytes);
    }
    writer.uint32(batch.tasksDeleted.length);
    for (const key of batch.tasksDeleted) this.#key(key);
    writer.uint32(batch.tasks.length);
    for (const task of batch.tasks) this.#task(task);
    writer.uint32(batch.checkpoints.length);
    for (const change of batch.checkpoints) {
      this.#key(change);
      writer.bytes(change.checkpoint);
    }
    writer.uint32(batch.blobs.length);
    for (const { runId, blobId, bytes } of batch.blobs) {
      this.#text(runId);
      writer.string(blobId).bytes(bytes);
    }
    this.#json(batch.blobCopies);
    writer.uint32(batch.outputs.length);
    for (const output of batch.outputs) this.#output(output);
    this.#json(batch.agentEvents);
    this.#json(batch.audit);
    this.#json(batch.schedules);
    this.#json(batch.agentLabels);
  }

  #key(key: TaskKey): void {
    this.#text(key.runId);
    this.#text(key.path);
    this.#writer.uint32(key.attempt);
  }

  #task(task: TaskRow): void {
    this.#key(task);
    this.#writer.uint32(task.shard).double(task.orderKey).double(task.dueAt).double(task.lossWindowMs);
    this.#text(task.class);
    this.#text(task.state);
    this.#text(task.agentId);
    this.#text(task.instanceId);
    this.#writer.bool(task.checkpoint !== undefined);
    if (task.checkpoint !== undefined) this.#writer.bytes(task.checkpoint);
  }

  #output({ chunks, ...head }: OutputChange): void {
    this.#key(head);
    this.#writer.uint32(head.number).uint32(head.bytes).bool(head.isCut).uint32(chunks.length);
    for (const { number, channel, kind, bytes } of chunks) {
      this.#writer.uint32(number);
      this.#text(channel);
      this.#text(kind);
      this.#writer.bytes(bytes);
    }
  }

  #text(text: string): void {
    const number = this.#texts.get(text);
    if (number !== undefined) {
      this.#writer.uint32(number);
      return;
    }
    this.#texts.set(text, this.#texts.size + 1);
    this.#writer.uint32(0).string(text);
  }

  /** '' for an empty list: the usual case costs one byte. */
  #json(list: readonly unknown[]): void {
    this.#writer.string(list.length === 0 ? '' : JSON.stringify(list));
  }
}

/** Reads what FrameWriter wrote, in the same order. */
export class FrameReader {
  readonly #reader: BinaryReader;
  readonly #texts: string[] = [];

  constructor(bytes: Uint8Array) {
    this.#reader = new BinaryReader(bytes);
  }

  integer(): number {
    return this.#reader.uint32();
  }

  double(): number {
    return this.#reader.double();
  }

  flag(): boolean {
    return this.#reader.bool();
  }

  /** A view into the frame. */
  bytes(): Uint8Array {
    return this.#reader.bytes();
  }

  optionalBytes(): Uint8Array | null {
    return this.#reader.bool() ? this.#reader.bytes() : null;
  }

  text(): string {
    const number = this.#reader.uint32();
    if (number !== 0) return this.#texts[number - 1] ?? '';
    const text = this.#reader.string();
    this.#texts.push(text);
    return text;
  }

  /** Text that is written each time. */
  plainText(): string {
    return this.#reader.string();
  }

  list<Item>(): readonly Item[] {
    const json = this.#reader.string();
    return json === '' ? [] : (JSON.parse(json) as Item[]);
  }
}
