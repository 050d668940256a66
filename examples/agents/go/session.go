package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	pb "example/yardmaster"

	"google.golang.org/protobuf/proto"
)

const (
	settledMax     = 1000
	welcomeTimeout = 10 * time.Second
	goodConnection = 10 * time.Second
	// The control plane times an attempt out first, if it can be heard.
	timeoutSlack = 500 * time.Millisecond
)

// One instance's side of the agent stream (docs/protocol.md): dials, says Hello, beats, reports, stops what it must not go
// on with, and leaves.
type session struct {
	target, token, agentID, instanceID string
	handlers                           map[string]handler
	ended                              chan struct{}
	end                                func()

	mu       sync.Mutex
	state    *pb.State
	attempts map[string]*attempt // until their results are acknowledged: the outbox, too
	settled  []string            // the last ones that were
	idle     chan struct{}       // has an item when the last attempt is acknowledged
	stream   *stream             // the newest; news wait for its Welcome
	older    context.CancelFunc  // the stream that a GoAway told us to leave
	address  string              // where to dial next
	goodbye  *pb.SessionRequest  // when nothing else is to be said
	rules    rules
	proven   time.Time // when the last frame that was answered was SENT
}

func newSession(url, agentID, token string, state *pb.State, handlers map[string]handler) *session {
	target := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/")
	ended := make(chan struct{})
	return &session{
		target: target, token: token, agentID: agentID, instanceID: rand.Text(), handlers: handlers,
		ended: ended, end: sync.OnceFunc(func() { close(ended) }),
		state: state, attempts: map[string]*attempt{}, idle: make(chan struct{}, 1), address: target, older: func() {},
	}
}

// run returns when the instance has left, or was sent away.
func (s *session) run() {
	for tries := 0; ; tries++ {
		began, done := time.Now(), make(chan error, 1)
		ctx, cancel := context.WithCancel(context.Background())
		current, address, hello := s.open()
		go func() { done <- s.serve(ctx, current, address, hello) }()
		var err error
		select {
		case <-s.ended:
			waitFor(done, time.Second) // until the Goodbye has left
			cancel()
			return
		case <-current.moving: // the new stream first; the old one is left when the new one is welcomed
			s.mu.Lock()
			s.older = cancel
			s.mu.Unlock()
			continue
		case err = <-done:
			cancel()
		}
		if time.Since(began) > goodConnection {
			tries = 0
		}
		delay := delayAfter(err, tries)
		fmt.Printf("no stream, the next one in %v: %v\n", delay, err)
		if waitFor(s.ended, delay) {
			return
		}
	}
}

// leave takes no new work; what runs may finish, then it is stopped and handed back; then Goodbye.
func (s *session) leave(reason string, grace time.Duration) {
	s.mu.Lock()
	s.state = proto.Clone(s.state).(*pb.State)
	s.state.Draining = true
	s.state.Revision++
	s.send(&pb.SessionRequest{Frame: &pb.SessionRequest_State{State: s.state}})
	for _, patience := range []time.Duration{grace, 2 * time.Second} {
		for until := time.Now().Add(patience); len(s.attempts) > 0 && time.Now().Before(until); {
			s.mu.Unlock()
			waitFor(s.idle, time.Until(until))
			s.mu.Lock()
		}
		s.stopAll("DRAINING")
	}
	s.goodbye = &pb.SessionRequest{Frame: &pb.SessionRequest_Goodbye{Goodbye: &pb.Goodbye{Reason: reason}}}
	s.sayGoodbye()
	s.mu.Unlock()
	s.end()
}

// sayGoodbye is the last word; before the Welcome it waits for it, as long as run does.
func (s *session) sayGoodbye() {
	if s.goodbye != nil && s.stream.isWelcomed {
		s.stream.isLast = true
		s.send(s.goodbye)
	}
}

// ---- attempts; all of it under the lock

func (s *session) assign(order *pb.Assignment) {
	run, isOffered := s.handlers[order.Capability]
	switch a := s.attempts[order.AttemptId]; {
	case a != nil: // what we said of it may have been lost
		a.repeat()
	case slices.Contains(s.settled, order.AttemptId): // it lay on its way
	case s.state.Draining:
		s.reject(order, pb.RejectReason_REJECT_REASON_DRAINING, "the agent is about to leave")
	case !isOffered:
		s.reject(order, pb.RejectReason_REJECT_REASON_UNSUPPORTED, order.Capability+" is not offered here")
	case s.running() >= int(s.state.Slots):
		s.reject(order, pb.RejectReason_REJECT_REASON_BUSY, "all slots are taken")
	default:
		s.start(order, run)
	}
}

func (s *session) start(order *pb.Assignment, run handler) {
	a := &attempt{Assignment: order, session: s, output: newOutput(order)}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	s.attempts[a.AttemptId] = a
	if !a.Idempotent && a.LossWindowMs > 0 { // several beats may be lost before a short window is over
		s.stream.beatEvery = min(s.stream.beatEvery, max(100*time.Millisecond, milliseconds(a.LossWindowMs)/6))
		signalTo(s.stream.hurry)
	}
	if !s.contactEnds(a).After(time.Now()) { // it lay on its way: another instance may have it by now
		a.finish(handedBack("CONTACT_LOST"))
		signalTo(s.stream.hurry)
		return
	}
	a.acceptDue = true
	s.queue(a)
	go a.work(run)
	go s.watch(a)
}

// watch stops an attempt when its time is over, or contact was lost for so long that the step may be given away.
func (s *session) watch(a *attempt) {
	timeout := milliseconds(a.TimeoutMs) + timeoutSlack
	if a.TimeoutMs == 0 {
		timeout = math.MaxInt64
	}
	isOver := time.After(timeout)
	for {
		s.mu.Lock()
		a.tellSaved()
		contact := time.Until(s.contactEnds(a))
		if contact <= 0 {
			a.stop("CONTACT_LOST")
		}
		s.mu.Unlock()
		select {
		case <-a.ctx.Done(): // stopped, or at its end
			return
		case <-isOver:
			s.mu.Lock()
			a.stop("TIMEOUT")
			s.mu.Unlock()
		case <-time.After(min(contact, saveInterval)):
		}
	}
}

func (s *session) contactEnds(a *attempt) time.Time {
	window := milliseconds(a.LossWindowMs)
	if window == 0 {
		window = s.rules.lossWindow
	}
	if a.Idempotent {
		return time.Now().Add(time.Hour) // never
	}
	return s.proven.Add(window / 10 * 9)
}

func (s *session) reject(order *pb.Assignment, reason pb.RejectReason, message string) {
	rejected := &pb.AttemptUpdate_Rejected{Rejected: &pb.AttemptRejected{Reason: reason, Message: message}}
	update := &pb.AttemptUpdate{AttemptId: order.AttemptId, Update: rejected}
	s.send(reportFrame(&pb.Report{Updates: []*pb.AttemptUpdate{update}}))
}

func (s *session) running() (running int) {
	for _, a := range s.attempts {
		if a.result == nil {
			running++
		}
	}
	return running
}

func (s *session) stopAll(cause string) {
	for _, a := range s.attempts {
		a.stop(cause)
	}
}
