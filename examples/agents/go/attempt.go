package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	pb "example/yardmaster"

	"google.golang.org/protobuf/types/known/structpb"
)

const (
	saveInterval = time.Second
	chunksMax    = 1000 // short ones: far below the 1 MiB that may wait for the disk
	// The control plane times an attempt out first, if it can be heard.
	timeoutSlack = 500 * time.Millisecond
)

// Why an attempt must stop: the cause of its context.
var (
	stopped     = errors.New("STOPPED")
	timedOut    = errors.New("TIMEOUT")
	draining    = errors.New("DRAINING")
	contactLost = errors.New("CONTACT_LOST")
)

// One attempt: what its handler may do, what of it the control plane has yet to hear, and how it ends.
type attempt struct {
	*pb.Assignment
	session *session
	ctx     context.Context
	stop    context.CancelCauseFunc // the first cause counts

	// Under the session's lock.
	result               *pb.AttemptResult
	chunks               []*pb.AttemptUpdate // what it wrote and is not stored yet
	lastChunk, toldChunk uint32
	isDropped            bool                // no more output is kept
	saved                []*pb.AttemptUpdate // its latest progress and checkpoint
	savedAt              time.Time           // when they were told last

	acceptDue, saveDue, resultDue bool
}

func newAttempt(s *session, order *pb.Assignment) *attempt {
	ctx, stop := context.WithCancelCause(s.ctx)
	if order.GetTimeoutMs() > 0 {
		time.AfterFunc(milliseconds(order.GetTimeoutMs())+timeoutSlack, func() { stop(timedOut) })
	}
	a := &attempt{Assignment: order, session: s, ctx: ctx, stop: stop, lastChunk: max(order.GetNextChunk(), 1) - 1}
	a.repeat()
	return a
}

// write is a line of output. It waits while much of it is not stored yet, so that no handler outruns the disk.
func (a *attempt) write(channel, text string) (err error) {
	for isFull := true; isFull && err == nil; {
		a.session.locked(func() {
			if isFull = len(a.chunks) >= chunksMax; !isFull && !a.isDropped {
				a.lastChunk++
				chunk := pb.AttemptChunk_builder{Number: a.lastChunk, Channel: channel, Text: &text}.Build()
				a.chunks = append(a.chunks, a.update(pb.AttemptUpdate_builder{Chunk: chunk}))
			}
		})
		if isFull {
			err = pause(a.ctx, tick)
		}
	}
	return err
}

// save keeps what another instance needs in order to go on from here, and how far it is. Told at most once a second.
func (a *attempt) save(checkpoint object, fraction float64, message string) {
	value, err := structpb.NewValue(checkpoint)
	must(err)
	progress := pb.AttemptProgress_builder{Fraction: fraction, Message: message}.Build()
	a.session.locked(func() {
		a.saveDue, a.saved = true, []*pb.AttemptUpdate{
			a.update(pb.AttemptUpdate_builder{Progress: progress}),
			a.update(pb.AttemptUpdate_builder{Checkpoint: pb.AttemptCheckpoint_builder{Value: value}.Build()}),
		}
	})
}

func (a *attempt) update(update pb.AttemptUpdate_builder) *pb.AttemptUpdate {
	update.AttemptId = a.GetAttemptId()
	return update.Build()
}

// ---- for the session; under its lock

// repeat makes all of it due again. It is absolute, so that a repeat does no harm.
func (a *attempt) repeat() {
	a.acceptDue, a.saveDue, a.resultDue = true, true, true
	a.toldChunk, a.savedAt = 0, time.Time{}
}

// hear says what became of its output.
func (a *attempt) hear(ack *pb.ChunkAck) {
	switch ack.GetVerdict() {
	case pb.ChunkVerdict_CHUNK_VERDICT_DROPPED, pb.ChunkVerdict_CHUNK_VERDICT_LIMIT:
		a.isDropped = true
	case pb.ChunkVerdict_CHUNK_VERDICT_RESEND:
		a.toldChunk = ack.GetStored()
	}
	a.chunks = slices.DeleteFunc(a.chunks, func(chunk *pb.AttemptUpdate) bool {
		return a.isDropped || chunk.GetChunk().GetNumber() <= ack.GetStored()
	})
}

// takeReport is what is to be said now, if anything. Output is stored before the result leaves: what is over writes nothing.
func (a *attempt) takeReport() *pb.Report {
	isOver, report := a.result != nil && len(a.chunks) == 0, pb.Report_builder{}
	if a.acceptDue && !isOver && a.ctx.Err() == nil {
		report.Updates = append(report.Updates, a.update(pb.AttemptUpdate_builder{Accepted: &pb.AttemptAccepted{}}))
	}
	for _, chunk := range a.chunks {
		if chunk.GetChunk().GetNumber() > a.toldChunk {
			report.Updates = append(report.Updates, chunk)
		}
	}
	a.acceptDue, a.toldChunk = false, a.lastChunk
	if a.saveDue && len(a.saved) > 0 && (isOver || time.Since(a.savedAt) >= saveInterval) {
		report.Updates = append(report.Updates, a.saved...)
		a.saveDue, a.savedAt = false, time.Now()
	}
	if a.resultDue && isOver {
		report.Results = []*pb.AttemptResult{a.result}
		a.resultDue = false
	}
	if len(report.Updates)+len(report.Results) == 0 {
		return nil
	}
	return report.Build()
}

// ---- the work and its end; without the lock

func (a *attempt) work(offered capability) {
	output, err := a.perform(offered)
	result := a.endOf(output, err)
	result.AttemptId = a.GetAttemptId()
	a.session.locked(func() {
		a.result = result.Build()
		if err == nil {
			a.saved = nil // of no use to anybody now
		}
	})
	a.stop(nil)
}

func (a *attempt) perform(offered capability) (output *pb.Payload, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	given, err := a.unpack()
	if err != nil {
		return nil, err
	}
	if err := offered.schema.Validate(given); err != nil {
		return nil, forGood("INVALID_INPUT", err.Error())
	}
	answer, err := offered.run(a.ctx, given.(object), a) // the schema asks for an object
	if err != nil {
		return nil, err
	}
	return a.pack(answer)
}

func (a *attempt) endOf(output *pb.Payload, err error) pb.AttemptResult_builder {
	why, failed := context.Cause(a.ctx), failure{}
	switch {
	case err == nil:
		return pb.AttemptResult_builder{Completed: pb.AttemptCompleted_builder{Output: output}.Build()}
	case why == stopped:
		return pb.AttemptResult_builder{Cancelled: &pb.AttemptCancelled{}}
	case why == timedOut:
		failed.message = pb.AttemptFailed_builder{Code: why.Error(), Message: "the time of the attempt is over"}.Build()
	case why != nil: // a reason of our own: another instance may go on
		return pb.AttemptResult_builder{HandedBack: pb.AttemptHandedBack_builder{Reason: why.Error()}.Build()}
	case !errors.As(err, &failed):
		failed.message = pb.AttemptFailed_builder{Code: "HANDLER_ERROR", Message: err.Error()}.Build()
	}
	return pb.AttemptResult_builder{Failed: failed.message}
}
