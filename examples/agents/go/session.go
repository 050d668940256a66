package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	pb "example/yardmaster"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"google.golang.org/protobuf/proto"
)

const settledMax = 1000

// One instance's side of the agent stream (docs/protocol.md): dials, says Hello, beats, reports, stops what it must not go
// on with, and leaves.
type session struct {
	ctx        context.Context // done when the instance has left, or was sent away
	end        context.CancelFunc
	own, token string
	schemas    map[string]*jsonschema.Schema // of the inputs, by capability
	news       chan struct{}                 // has an item when something is to be said

	mu       sync.Mutex              // for what follows, for attempts and for streams
	hello    *pb.Hello               // with the state that counts, and without what is held
	attempts map[string]*attempt     // until their results are acknowledged: the outbox, too
	settled  []string                // the last ones that were
	places   []string                // where to dial, in turn, until one answers
	current  *stream                 // the newest
	older    context.CancelCauseFunc // ends the stream that a GoAway told us to leave
	address  string                  // of the last Welcome; blobs go there, too
	welcome  *pb.Welcome
	// When the frames left that may prove contact: first the last beat that was answered, or Hello; then those that were not.
	sent  []time.Time
	acked uint32 // the number of that beat
}

func newSession(own, token, id string, state *pb.State) *session {
	ctx, end := context.WithCancel(context.Background())
	sdk := pb.Sdk_builder{Name: "example", Version: "1.0.0", Language: runtime.Version()}.Build()
	hello := pb.Hello_builder{AgentId: id, InstanceId: rand.Text(), Sdk: sdk, ProtocolVersion: 1, State: state}.Build()
	schemas := map[string]*jsonschema.Schema{}
	for _, capability := range state.GetCapabilities() {
		schemas[capability.GetName()] = compile(capability)
	}
	return &session{
		ctx: ctx, end: end, own: own, token: token, schemas: schemas, hello: hello, places: []string{own},
		news: make(chan struct{}, 1), attempts: map[string]*attempt{}, current: newStream(ctx), older: func(error) {},
	}
}

func (s *session) locked(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
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
			pause(s.ctx, delay)
		}
	}
}

// leave takes no new work; what runs may finish, then it is stopped and handed back; then Goodbye.
func (s *session) leave(reason string, grace time.Duration) {
	s.locked(func() {
		state := proto.CloneOf(s.hello.GetState())
		state.SetDraining(true)
		state.SetRevision(state.GetRevision() + 1)
		s.hello.SetState(state)
		s.say(pb.SessionRequest_builder{State: state})
	})
	for _, patience := range []time.Duration{grace, 2 * time.Second} {
		for until := time.Now().Add(patience); s.isHolding() && time.Now().Before(until); {
			time.Sleep(tick)
		}
		s.locked(func() { s.stopAll(draining) })
	}
	var last *stream
	s.locked(func() {
		last = s.current
		s.say(pb.SessionRequest_builder{Goodbye: pb.Goodbye_builder{Reason: reason}.Build()})
	})
	pause(last.ctx, time.Second) // until it has left
	s.end()
}

func (s *session) isHolding() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.attempts) > 0
}

// watch stops what another instance may get soon, since nothing of ours was answered for so long.
func (s *session) watch() {
	for pause(s.ctx, tick) == nil {
		s.locked(func() {
			for _, a := range s.attempts {
				s.stopIfLost(a)
			}
		})
	}
}

// ---- all below is under the lock

func (s *session) stopIfLost(a *attempt) {
	if !a.GetIdempotent() && time.Since(s.sent[0]) >= s.window(a)/10*9 {
		a.stop(contactLost)
	}
}

func (s *session) window(a *attempt) time.Duration {
	return cmp.Or(milliseconds(a.GetLossWindowMs()), s.welcome.GetLossWindow().AsDuration(), 30*time.Second)
}

func (s *session) assign(st *stream, order *pb.Assignment) {
	run, isOffered := handlers[order.GetCapability()]
	switch known := s.attempts[order.GetAttemptId()]; {
	case known != nil: // what we said of it may have been lost
		known.repeat()
	case slices.Contains(s.settled, order.GetAttemptId()): // it lay on its way
	case s.hello.GetState().GetDraining():
		s.reject(order, pb.RejectReason_REJECT_REASON_DRAINING, "the agent is about to leave")
	case !isOffered:
		s.reject(order, pb.RejectReason_REJECT_REASON_UNSUPPORTED, order.GetCapability()+" is not offered here")
	case s.running() >= int(s.hello.GetState().GetSlots()):
		s.reject(order, pb.RejectReason_REJECT_REASON_BUSY, "all slots are taken")
	default:
		a := newAttempt(s, order)
		s.attempts[a.GetAttemptId()] = a
		s.stopIfLost(a) // it lay on its way for so long: it never starts
		go a.work(run)
		if next := time.Now().Add(s.beatEvery()); next.Before(st.beatAt) {
			st.beatAt = next // its window may be short
		}
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

func (s *session) stopAll(why cause) {
	for _, a := range s.attempts {
		a.stop(why)
	}
}

// say is once, on this stream. Before its Welcome it waits for it.
func (s *session) say(frame pb.SessionRequest_builder) {
	s.current.outbox = append(s.current.outbox, frame.Build())
	s.wake()
}

func (s *session) wake() { signalTo(s.news) }
