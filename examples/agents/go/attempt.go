package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	pb "example/yardmaster"
)

const saveInterval = time.Second

// Its context is done when the attempt must stop.
type handler func(context.Context, members, *attempt) (members, error)

// One attempt: what its handler may do, what of it the control plane has yet to hear, and how it ends.
// Everything but the assignment belongs to the session's lock.
type attempt struct {
	*pb.Assignment
	session *session
	ctx     context.Context
	cancel  context.CancelFunc
	cause   string // why it must stop
	result  *pb.AttemptResult

	progress   *pb.AttemptProgress
	checkpoint *pb.AttemptCheckpoint
	toldAt     time.Time // when the two were told last

	output output

	acceptDue, saveDue, resultDue bool
	isQueued                      bool
}

// write is output while it works; it waits while much of it is not stored yet.
func (a *attempt) write(channel, text string) error {
	for {
		a.session.mu.Lock()
		hasRoom := a.output.add(channel, text)
		if hasRoom && a.result == nil {
			a.session.queue(a)
		}
		a.session.mu.Unlock()
		if hasRoom {
			return nil
		}
		select {
		case <-a.ctx.Done():
			return a.ctx.Err()
		case <-a.output.room:
		}
	}
}

// save keeps what another instance needs in order to go on from here, and how far it is. Told at most once a second.
func (a *attempt) save(checkpoint members, fraction float64, message string) error {
	value, err := toValue(checkpoint)
	if err != nil {
		return err
	}
	a.session.mu.Lock()
	defer a.session.mu.Unlock()
	a.checkpoint = &pb.AttemptCheckpoint{Value: value}
	a.progress = &pb.AttemptProgress{Fraction: fraction, Message: message}
	a.saveDue = a.result == nil
	a.tellSaved()
	return nil
}

func (a *attempt) tellSaved() {
	if a.saveDue && time.Since(a.toldAt) >= saveInterval {
		a.session.queue(a)
	}
}

func (a *attempt) stop(cause string) {
	a.cause = cause
	a.cancel()
}

// finish is the one end; of what was saved only the end of a success makes the telling needless.
func (a *attempt) finish(result *pb.AttemptResult) {
	result.AttemptId = a.AttemptId
	a.result, a.resultDue, a.acceptDue = result, true, false
	a.saveDue = a.saveDue && result.GetCompleted() == nil
	a.session.queue(a)
}

// repeat makes all of it due again. It is absolute, so that a repeat does no harm.
func (a *attempt) repeat() {
	a.output.sent, a.toldAt = 0, time.Time{}
	a.acceptDue, a.resultDue = a.result == nil, a.result != nil
	a.saveDue = a.checkpoint != nil && a.result.GetCompleted() == nil
	a.isQueued = false
	a.session.queue(a)
}

func (a *attempt) takeReport() *pb.Report {
	report := &pb.Report{}
	if a.acceptDue {
		update := &pb.AttemptUpdate_Accepted{Accepted: &pb.AttemptAccepted{}}
		report.Updates = append(report.Updates, &pb.AttemptUpdate{AttemptId: a.AttemptId, Update: update})
	}
	for _, chunk := range a.output.take(a.resultDue) {
		update := &pb.AttemptUpdate_Chunk{Chunk: chunk}
		report.Updates = append(report.Updates, &pb.AttemptUpdate{AttemptId: a.AttemptId, Update: update})
	}
	saveDue := a.saveDue && (a.resultDue || time.Since(a.toldAt) >= saveInterval) // a chunk may be all that is due
	if saveDue {
		a.toldAt, a.saveDue = time.Now(), false
		report.Updates = append(report.Updates,
			&pb.AttemptUpdate{AttemptId: a.AttemptId, Update: &pb.AttemptUpdate_Progress{Progress: a.progress}},
			&pb.AttemptUpdate{AttemptId: a.AttemptId, Update: &pb.AttemptUpdate_Checkpoint{Checkpoint: a.checkpoint}})
	}
	if a.resultDue {
		report.Results = append(report.Results, a.result)
	}
	a.acceptDue, a.resultDue, a.isQueued = false, false, false
	return report
}

// work runs the handler, without the lock.
func (a *attempt) work(run handler) {
	output, err := a.perform(run)
	a.session.mu.Lock()
	defer a.session.mu.Unlock()
	a.finish(a.endOf(output, err))
}

func (a *attempt) perform(run handler) (output *pb.Payload, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	given, err := a.unpack()
	if err != nil {
		return nil, err
	}
	answer, err := run(a.ctx, given, a)
	if err != nil {
		return nil, err
	}
	return a.pack(answer)
}

func (a *attempt) endOf(output *pb.Payload, err error) *pb.AttemptResult {
	failed := failure{&pb.AttemptFailed{Code: "HANDLER_ERROR"}}
	switch {
	case err == nil:
		return &pb.AttemptResult{Result: &pb.AttemptResult_Completed{Completed: &pb.AttemptCompleted{Output: output}}}
	case a.cause == "TIMEOUT":
		failed.message = &pb.AttemptFailed{Code: "TIMEOUT", Message: "the time of the attempt is over"}
	case a.cause == "DRAINING" || a.cause == "CONTACT_LOST": // reasons of our own: another instance may go on
		return handedBack(a.cause)
	case a.cause != "":
		return &pb.AttemptResult{Result: &pb.AttemptResult_Cancelled{Cancelled: &pb.AttemptCancelled{}}}
	case !errors.As(err, &failed):
		failed.message.Message = err.Error()
	}
	return &pb.AttemptResult{Result: &pb.AttemptResult_Failed{Failed: failed.message}}
}

func handedBack(reason string) *pb.AttemptResult {
	return &pb.AttemptResult{Result: &pb.AttemptResult_HandedBack{HandedBack: &pb.AttemptHandedBack{Reason: reason}}}
}
