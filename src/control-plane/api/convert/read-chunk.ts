/** What an agent says of the output and the usage of an attempt: bounded, and whole. */
import { NAME_PATTERN } from '../../../core/ids.ts';
import { limits } from '../../../core/limits.ts';
import type { AttemptChunk, AttemptUsage } from '../../../gen/yardmaster/v1/report_pb.ts';
import type { ReportedChunk } from '../../registry/frames.ts';
import type { Faults } from './faults.ts';

const DEFAULT_CHANNEL = 'main';

export function readChunk(
  faults: Faults,
  attemptId: string,
  wire: AttemptChunk,
  pointer: () => string,
): ReportedChunk | undefined {
  const { number, content } = wire;
  const channel = wire.channel === '' ? DEFAULT_CHANNEL : wire.channel;
  if (number === 0) faults.add(`${pointer()}.number`, 'is 0; chunks are counted from 1');
  if (!NAME_PATTERN.test(channel)) faults.add(`${pointer()}.channel`, `does not match ${NAME_PATTERN.source}`);
  if (content.case === undefined) {
    faults.add(`${pointer()}.content`, 'is not set; send text or data');
    return undefined;
  }
  const isText = content.case === 'text';
  const bytes = isText ? Buffer.from(content.value) : content.value;
  if (bytes.length > limits.chunkBytesMax)
    faults.add(`${pointer()}.${content.case}`, `has ${bytes.length} bytes; at most ${limits.chunkBytesMax}`);
  return { type: 'chunk', attemptId, number, channel, kind: content.case, bytes };
}

export function readCounters(
  faults: Faults,
  { counters }: AttemptUsage,
  pointer: () => string,
): Readonly<Record<string, number>> {
  const entries = Object.entries(counters);
  if (entries.length > limits.usageCountersMax)
    faults.add(`${pointer()}.counters`, `has ${entries.length} entries; at most ${limits.usageCountersMax}`);
  for (const [name, value] of entries) {
    if (name === '' || name.length > limits.usageNameCharsMax)
      faults.add(`${pointer()}.counters`, `has a name of ${name.length} characters; 1 to ${limits.usageNameCharsMax}`);
    if (!Number.isFinite(value) || value < 0)
      faults.add(`${pointer()}.counters["${name.slice(0, 80)}"]`, 'is not a finite number from 0 on');
  }
  return counters;
}
