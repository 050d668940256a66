/** What readers of an output are told. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { type OutputEventSchema, OutputLimit } from '../../../gen/yardmaster/v1/output_pb.ts';
import { StepStatus } from '../../../gen/yardmaster/v1/step_state_pb.ts';
import type { OutputItem } from '../../runtime/control-plane.ts';

type Chunk = Extract<OutputItem, { type: 'chunks' }>['chunks'][number];
type WireEvent = MessageInitShape<typeof OutputEventSchema>;

export function writeOutputItem(item: OutputItem): WireEvent[] {
  const { attempt } = item;
  switch (item.type) {
    case 'begun':
      return [{ event: { case: 'begun', value: { attempt } } }];
    case 'chunks':
      return item.chunks.map((chunk) => writeChunk(attempt, chunk));
    case 'end': {
      const status = item.status === undefined ? StepStatus.UNSPECIFIED : StepStatus[item.status];
      return [{ event: { case: 'end', value: { attempt, status } } }];
    }
  }
}

function writeChunk(attempt: number, { number, channel, kind, bytes }: Chunk): WireEvent {
  const position = { attempt, number };
  switch (kind) {
    case 'text':
      return {
        event: { case: 'chunk', value: { position, channel, content: { case: 'text', value: decode(bytes) } } },
      };
    case 'data':
      return { event: { case: 'chunk', value: { position, channel, content: { case: 'data', value: bytes } } } };
    case 'cut': {
      const limit = decode(bytes) === 'run' ? OutputLimit.RUN : OutputLimit.ATTEMPT;
      return { event: { case: 'cut', value: { position, limit } } };
    }
  }
}

function decode(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}
