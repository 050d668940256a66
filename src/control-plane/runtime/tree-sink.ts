/** Where `encodeTree` writes: one buffer that grows, up to a bound. Thousands of small values make many small pieces otherwise. */
export class TreeSink {
  private readonly bytesMax: number;
  private buffer = Buffer.allocUnsafe(1_024);
  private length = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** True once it holds more than its bound; the writer stops then. */
  get isFull(): boolean {
    return this.length > this.bytesMax;
  }

  uint32(value: number): void {
    this.reserve(5);
    let rest = value;
    while (rest > 127) {
      this.buffer[this.length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.buffer[this.length++] = rest;
  }

  double(value: number): void {
    this.reserve(8);
    this.length = this.buffer.writeDoubleLE(value, this.length);
  }

  text(text: string): void {
    const size = Buffer.byteLength(text);
    this.uint32(size);
    this.reserve(size);
    this.buffer.write(text, this.length, 'utf8');
    this.length += size;
  }

  bytes(bytes: Uint8Array): void {
    this.uint32(bytes.length);
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  finish(): Uint8Array {
    return new Uint8Array(this.buffer.subarray(0, this.length));
  }

  private reserve(count: number): void {
    if (this.length + count <= this.buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.length + count));
    this.buffer.copy(grown, 0, 0, this.length);
    this.buffer = grown;
  }
}
