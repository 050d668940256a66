/** What attempts write, in memory. */
import type { ChunkQuery, ChunkRow, OutputChange, OutputHead, OutputKey } from '../port.ts';
import type { MemoryData, MemoryOutput } from './memory-data.ts';

export function applyOutput(data: MemoryData, { chunks, ...head }: OutputChange): void {
  const outputs = data.outputs.get(head.runId) ?? new Map<string, MemoryOutput>();
  data.outputs.set(head.runId, outputs);
  const output = outputs.get(outputKey(head)) ?? { head, chunks: new Map<number, ChunkRow>() };
  outputs.set(outputKey(head), output);
  output.head = head;
  for (const chunk of chunks) if (!output.chunks.has(chunk.number)) output.chunks.set(chunk.number, chunk);
}

export function readOutputHead(data: MemoryData, key: OutputKey): OutputHead | undefined {
  return find(data, key)?.head;
}

export function readLastOutput(data: MemoryData, runId: string, path: string): OutputHead | undefined {
  const heads = [...(data.outputs.get(runId)?.values() ?? [])].map(({ head }) => head);
  const ofStep = heads.filter((head) => head.path === path);
  return ofStep.sort((left, right) => right.attempt - left.attempt)[0];
}

export function sumOutputs(data: MemoryData, runId: string): number {
  return [...(data.outputs.get(runId)?.values() ?? [])].reduce((sum, { head }) => sum + head.bytes, 0);
}

export function readChunks(data: MemoryData, query: ChunkQuery): ChunkRow[] {
  const { after, channel, limit } = query;
  const isWanted = (chunk: ChunkRow): boolean =>
    chunk.number > after && (channel === undefined || chunk.channel === channel || chunk.kind === 'cut');
  const chunks = [...(find(data, query)?.chunks.values() ?? [])].filter(isWanted);
  return chunks.sort((left, right) => left.number - right.number).slice(0, limit);
}

function find(data: MemoryData, key: OutputKey): MemoryOutput | undefined {
  return data.outputs.get(key.runId)?.get(outputKey(key));
}

function outputKey({ path, attempt }: OutputKey): string {
  return `${path}\0${attempt}`;
}
