/**
 * A writer of bytes that is kept from one message to the next, with the buffers that it has grown: messages are written with
 * every step, and a new writer for each would be most of their cost.
 *
 * Core imports no library: a `BinaryWriter` of protobuf-es is what it is used for.
 */
export class KeptWriter<Writer extends { finish(): Uint8Array<ArrayBuffer> }> {
  private readonly create: () => Writer;
  private readonly keptBytesMax: number;
  private kept: Writer | undefined = undefined;

  /** The writer is not kept after a message longer than `keptBytesMax`. */
  constructor(create: () => Writer, keptBytesMax: number) {
    this.create = create;
    this.keptBytesMax = keptBytesMax;
  }

  /** Another message may be written while one is: it gets a writer of its own. Throws what `fill` throws. */
  write<Message>(fill: (writer: Writer, message: Message) => void, message: Message): Uint8Array<ArrayBuffer> {
    const writer = this.kept ?? this.create();
    // A message that throws half way leaves its writer behind.
    this.kept = undefined;
    fill(writer, message);
    const bytes = writer.finish();
    if (bytes.length <= this.keptBytesMax) this.kept = writer;
    return bytes;
  }
}
