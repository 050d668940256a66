package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	pb "example/yardmaster"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

const (
	tick       = 50 * time.Millisecond
	settledMax = 1000
)

// One instance's side of the agent stream (docs/protocol.md): dials, says Hello, beats, reports, stops what it must not go
// on with, and leaves.
type session struct {
	ctx     context.Context // done when the instance has left, or was sent away
	end     context.CancelFunc
	own     string // its own address to dial
	offered map[string]capability
	news    chan struct{} // has an item when something may have to be said

	mu        sync.Mutex              // for what follows, for attempts and for streams
	hello     pb.Hello_builder        // without what is held
	attempts  map[string]*attempt     // until their results are acknowledged: the outbox, too
	settled   []string                // the last ones that were
	current   *stream                 // the newest
	older     context.CancelCauseFunc // ends the stream that a GoAway told us to leave
	addresses []string                // where to dial, in turn, until one answers
	address   string                  // the last one that did
	welcome   *pb.Welcome
	sent      []time.Time // when Hello left, and each beat, from the last one that was answered
	acked     uint32      // the number of that beat
}

func newSession(own, token, id string, slots uint32) *session {
	ctx, end := context.WithCancel(context.Background())
	if token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	state, offered := offer(slots)
	sdk := pb.Sdk_builder{Name: "example", Version: "1.0.0", Language: runtime.Version()}.Build()
	return &session{
		ctx: ctx, end: end, own: own, addresses: []string{own}, offered: offered, news: make(chan struct{}, 1),
		hello:    pb.Hello_builder{AgentId: id, InstanceId: rand.Text(), Sdk: sdk, ProtocolVersion: 1, State: state},
		attempts: map[string]*attempt{}, current: newStream(ctx), older: func(error) {},
	}
}

// locked changes something that may have to be said.
func (s *session) locked(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	select {
	case s.news <- struct{}{}:
	default: // one item says as much as two
	}
}

// run opens one stream after the other, until the instance has left or was sent away.
func (s *session) run() {
	go s.watch()
	for tries := 0; s.ctx.Err() == nil; tries++ {
		began, st := time.Now(), newStream(s.ctx)
		go func() { st.end(s.serve(st)) }()
		select {
		case <-st.moving: // the new stream first
			s.locked(func() { s.older = st.end })
			tries = 0
		case <-st.ctx.Done():
			if time.Since(began) > goodConnection {
				tries = 0
			}
			delay := delayAfter(context.Cause(st.ctx), tries)
			fmt.Printf("no stream, the next one in %v: %v\n", delay, context.Cause(st.ctx))
			_ = pause(s.ctx, delay)
		}
	}
}

// leave takes no new work; what runs may finish, then it is stopped and handed back; then Goodbye.
func (s *session) leave(reason string, grace time.Duration) {
	s.locked(func() {
		s.hello.State = proto.CloneOf(s.hello.State)
		s.hello.State.SetDraining(true)
		s.hello.State.SetRevision(s.hello.State.GetRevision() + 1)
		s.say(pb.SessionRequest_builder{State: s.hello.State})
	})
	for _, patience := range []time.Duration{grace, 2 * time.Second} {
		isIdle := false
		for until := time.Now().Add(patience); !isIdle && time.Now().Before(until); time.Sleep(tick) {
			s.locked(func() { isIdle = len(s.attempts) == 0 })
		}
		s.locked(func() {
			for _, a := range s.attempts {
				a.stop(draining)
			}
		})
	}
	var last *stream
	s.locked(func() {
		last = s.current
		s.say(pb.SessionRequest_builder{Goodbye: pb.Goodbye_builder{Reason: reason}.Build()})
	})
	_ = pause(last.ctx, time.Second) // until it has left
	s.end()
}

// watch looks after what may have to stop, and after what is told once a second.
func (s *session) watch() {
	for pause(s.ctx, tick) == nil {
		s.locked(s.stopLost)
	}
}

// ---- attempts; all of it under the lock

// stopLost stops what another instance may get soon, since nothing of ours was answered for so long.
func (s *session) stopLost() {
	for _, a := range s.attempts {
		if time.Since(s.sent[0]) >= a.window/10*9 {
			a.stop(contactLost)
		}
	}
}

func (s *session) assign(order *pb.Assignment) {
	offered, isOffered := s.offered[order.GetCapability()]
	switch known := s.attempts[order.GetAttemptId()]; {
	case known != nil: // what we said of it may have been lost
		known.repeat()
	case slices.Contains(s.settled, order.GetAttemptId()): // it lay on its way
	case s.hello.State.GetDraining():
		s.reject(order, pb.RejectReason_REJECT_REASON_DRAINING, "the agent is about to leave")
	case !isOffered:
		s.reject(order, pb.RejectReason_REJECT_REASON_UNSUPPORTED, order.GetCapability()+" is not offered here")
	case s.running() >= int(s.hello.State.GetSlots()):
		s.reject(order, pb.RejectReason_REJECT_REASON_BUSY, "all slots are taken")
	default:
		a := newAttempt(s, order)
		s.attempts[a.GetAttemptId()] = a
		s.stopLost() // if this one lay on its way for so long it never starts
		if soon := time.Now().Add(s.beatEvery()); soon.Before(s.current.beatAt) {
			s.current.beatAt = soon
		}
		go a.work(offered)
	}
}

func (s *session) reject(order *pb.Assignment, reason pb.RejectReason, message string) {
	rejected := pb.AttemptRejected_builder{Reason: reason, Message: message}.Build()
	update := pb.AttemptUpdate_builder{AttemptId: order.GetAttemptId(), Rejected: rejected}.Build()
	s.say(pb.SessionRequest_builder{Report: pb.Report_builder{Updates: []*pb.AttemptUpdate{update}}.Build()})
}

func (s *session) running() (running int) {
	for _, a := range s.attempts {
		if a.result == nil {
			running++
		}
	}
	return running
}

// say is once, on this stream. Before its Welcome it waits for it.
func (s *session) say(frame pb.SessionRequest_builder) {
	s.current.outbox = append(s.current.outbox, frame.Build())
}
