package main

import (
	"maps"
	"slices"

	pb "example/yardmaster"
)

// Short ones: far below the 1 MiB that may wait for the disk.
const chunksMax = 1000

// What an attempt has written and is not stored yet. Under the session's lock, but for room.
type output struct {
	chunks map[uint32]*pb.AttemptChunk
	last   uint32        // number of the last chunk
	sent   uint32        // up to this one they are on the stream
	isOver bool          // no more is kept
	room   chan struct{} // has an item when more of it is stored
}

func newOutput(order *pb.Assignment) output {
	last := max(order.NextChunk, 1) - 1
	return output{chunks: map[uint32]*pb.AttemptChunk{}, last: last, sent: last, room: make(chan struct{}, 1)}
}

// add is false when there is no room.
func (o *output) add(channel, text string) bool {
	if o.isOver {
		return true
	}
	if len(o.chunks) >= chunksMax {
		return false
	}
	o.last++
	o.chunks[o.last] = &pb.AttemptChunk{Number: o.last, Channel: channel, Content: &pb.AttemptChunk_Text{Text: text}}
	return true
}

// take gives what is to be sent now. Before a result go all chunks that are not stored, in one frame with it.
func (o *output) take(all bool) (chunks []*pb.AttemptChunk) {
	for _, number := range slices.Sorted(maps.Keys(o.chunks)) {
		if all || number > o.sent {
			chunks = append(chunks, o.chunks[number])
		}
	}
	o.sent = o.last
	return chunks
}

// hear is true when there are chunks to send again.
func (o *output) hear(ack *pb.ChunkAck) bool {
	switch ack.Verdict {
	case pb.ChunkVerdict_CHUNK_VERDICT_DROPPED, pb.ChunkVerdict_CHUNK_VERDICT_LIMIT:
		o.isOver = true
	}
	maps.DeleteFunc(o.chunks, func(number uint32, _ *pb.AttemptChunk) bool { return o.isOver || number <= ack.Stored })
	signalTo(o.room)
	if ack.Verdict != pb.ChunkVerdict_CHUNK_VERDICT_RESEND {
		return false
	}
	o.sent = ack.Stored
	return len(o.chunks) > 0
}
