/** What is known of the output of an attempt while it is written. */
import type { CancelTimer } from '../../core/clock.ts';
import type { AttemptKey } from '../../core/ids.ts';
import { limits } from '../../core/limits.ts';
import type { ReportedChunk } from '../registry/frames.ts';
import type { Instance } from '../registry/instance.ts';
import type { ChunkRow } from '../store/port.ts';
import type { ChunkClearing } from './chunk-clearing.ts';

/** All outputs of a run. */
export interface RunOutput {
  /** Of all of them, as limits count; known when the first one is open. */
  bytes: number;
  isKnown: boolean;
}

export interface OutputStream {
  readonly key: AttemptKey;
  readonly attemptId: string;
  readonly run: RunOutput;
  /** Who was heard last. */
  instance: Instance;
  /** What is stored of it was read. */
  isOpen: boolean;
  /** Called once it is. */
  readonly onOpen: (() => void)[];
  /** Chunks that came before. */
  waiting: ReportedChunk[];
  /** Number of the last chunk that came in its turn; of them, that is in a batch; of them, that is durable. */
  taken: number;
  staged: number;
  stored: number;
  /** Of those that are staged, as limits count. */
  bytes: number;
  isCut: boolean;
  /** Of those that came and are not durable: how much limits count of each, and together. */
  pending: { readonly number: number; readonly weight: number }[];
  pendingBytes: number;
  /** A chunk was refused: the agent is to send again from `stored` on, and was told. */
  isResendDue: boolean;
  isResendTold: boolean;
  /** Undefined: nothing of it can be secret. */
  clearing: ChunkClearing | undefined;
  /** Why nothing of it can be kept, as it cannot be cleared of secrets. */
  unclear: string | undefined;
  cancelRelease: CancelTimer | undefined;
}

export function createStream(key: AttemptKey, attemptId: string, instance: Instance, run: RunOutput): OutputStream {
  return {
    key,
    attemptId,
    run,
    instance,
    isOpen: false,
    onOpen: [],
    waiting: [],
    taken: 0,
    staged: 0,
    stored: 0,
    bytes: 0,
    isCut: false,
    pending: [],
    pendingBytes: 0,
    isResendDue: false,
    isResendTold: false,
    clearing: undefined,
    unclear: undefined,
    cancelRelease: undefined,
  };
}

/** What limits count of a chunk. */
export function weigh({ bytes }: { readonly bytes: Uint8Array }): number {
  return bytes.length + limits.chunkOverheadBytes;
}

/** The rows of chunks that come next, up to what is kept: the one in which it ends says of what. Counts them in the stream. */
export function takeRows(stream: OutputStream, chunks: readonly ReportedChunk[]): ChunkRow[] {
  const rows: ChunkRow[] = [];
  for (const chunk of chunks) {
    if (stream.isCut) break;
    const { number, channel, kind, bytes } = chunk;
    const weight = weigh(chunk);
    const full = fullOf(stream, weight);
    stream.staged = number;
    if (full !== undefined) {
      stream.isCut = true;
      rows.push({ number, channel: '', kind: 'cut', bytes: Buffer.from(full) });
      break;
    }
    stream.bytes += weight;
    stream.run.bytes += weight;
    rows.push({ number, channel, kind, bytes });
  }
  return rows;
}

function fullOf({ bytes, run }: OutputStream, weight: number): 'attempt' | 'run' | undefined {
  if (bytes + weight > limits.attemptOutputBytesMax) return 'attempt';
  return run.bytes + weight > limits.runOutputBytesMax ? 'run' : undefined;
}
