/** Chunks of an HTTP/2 stream to the messages of gRPC in them: a flag, four bytes of length, the message. */
import { gunzipSync, inflateSync } from 'node:zlib';
import { YardmasterError } from '../../core/errors.ts';

const PREFIX_BYTES = 5;
const IDENTITY = 0;
const COMPRESSED = 1;
const EMPTY = Buffer.alloc(0);

const decompressors: Readonly<Record<string, (bytes: Buffer, options: { maxOutputLength: number }) => Buffer>> = {
  gzip: gunzipSync,
  deflate: inflateSync,
};

export interface MessageReaderOptions {
  /** The call's `grpc-encoding`. */
  readonly encoding: string;
  /** Longest message, before and after decompression. */
  readonly bytesMax: number;
}

export class MessageReader {
  private readonly options: MessageReaderOptions;
  /** The start of a message whose end has not come. */
  private parts: Buffer[] = [];
  private held = 0;
  /** Bytes that the message at the head takes with its prefix; PREFIX_BYTES while its length is unknown. */
  private wanted = PREFIX_BYTES;

  constructor(options: MessageReaderOptions) {
    this.options = options;
  }

  /**
   * Calls `onMessage` for each message that ends in `chunk`. Throws RESOURCE_EXHAUSTED for one that is too long and
   * MALFORMED_FRAME for what is no message; nothing can be read after that.
   */
  read(chunk: Buffer, onMessage: (message: Buffer) => void): void {
    let rest = chunk;
    while (this.held + rest.length >= this.wanted) {
      const taken = this.wanted - this.held;
      const whole = this.held === 0 ? rest.subarray(0, taken) : Buffer.concat([...this.parts, rest.subarray(0, taken)]);
      rest = rest.subarray(taken);
      this.parts = [];
      this.held = 0;
      const wanted = PREFIX_BYTES + this.lengthIn(whole);
      if (wanted > whole.length) {
        this.hold(whole);
        this.wanted = wanted;
        continue;
      }
      this.wanted = PREFIX_BYTES;
      onMessage(this.open(whole));
    }
    if (rest.length > 0) this.hold(rest);
  }

  /** A message has begun and its end has not come. */
  get isWithinMessage(): boolean {
    return this.held > 0;
  }

  private hold(part: Buffer): void {
    this.parts.push(part);
    this.held += part.length;
  }

  private lengthIn(whole: Buffer): number {
    const length = whole.readUInt32BE(1);
    if (length > this.options.bytesMax) throw this.tooLong(`has ${length} bytes`);
    return length;
  }

  private open(whole: Buffer): Buffer {
    const flag = whole[0];
    // A copy: what stays of a message for long must not keep the chunk of the socket alive.
    if (flag === IDENTITY) return Buffer.from(whole.subarray(PREFIX_BYTES));
    if (flag !== COMPRESSED) throw malformed(`its compression flag is ${flag}`);
    return this.decompress(whole.subarray(PREFIX_BYTES));
  }

  private decompress(bytes: Buffer): Buffer {
    const { encoding, bytesMax } = this.options;
    const decompress = decompressors[encoding];
    if (decompress === undefined) throw malformed(`it is compressed with "${encoding}"; use gzip, deflate or identity`);
    if (bytes.length === 0) return EMPTY;
    try {
      return decompress(bytes, { maxOutputLength: bytesMax });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw this.tooLong('unpacks to more');
      throw malformed(`it is not ${encoding}`);
    }
  }

  private tooLong(fact: string): YardmasterError {
    const { bytesMax } = this.options;
    return new YardmasterError(
      'RESOURCE_EXHAUSTED',
      `Cannot read a message: it ${fact}, and the limit is ${bytesMax}`,
      {
        next: 'upload values over 256 KiB as blobs, and split reports',
      },
    );
  }
}

/** Of a stream that is over while its reader is within a message. */
export function endsWithinMessage(): YardmasterError {
  return malformed('the stream ends within it');
}

function malformed(fact: string): YardmasterError {
  return new YardmasterError('MALFORMED_FRAME', `Cannot read a message: ${fact}`, {
    next: 'frame messages as gRPC does, plain or packed with gzip or deflate as grpc-encoding says',
  });
}

/** The message with its prefix, uncompressed. */
export function frameMessage(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  framed[0] = IDENTITY;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, PREFIX_BYTES);
  return framed;
}
