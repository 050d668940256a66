package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"time"

	pb "example/yardmaster"
)

// What belongs to one stream; under the session's lock.
type stream struct {
	isWelcomed bool
	outgoing   []any         // *pb.SessionRequest, or *attempt that has news
	isLast     bool          // half-close after what waits
	wake       chan struct{} // has an item when something waits
	hurry      chan struct{} // has an item when a beat is wanted now
	moving     chan struct{} // has an item when a GoAway wants the next stream now
	beats      map[uint32]time.Time
	beatEvery  time.Duration
}

// open makes the next stream the one that counts.
func (s *session) open() (*stream, string, *pb.Hello) {
	s.mu.Lock()
	defer s.mu.Unlock()
	signals := func() chan struct{} { return make(chan struct{}, 1) }
	s.stream = &stream{wake: signals(), hurry: signals(), moving: signals(), beats: map[uint32]time.Time{}}
	address := s.address
	s.address = s.target
	sdk := &pb.Sdk{Name: "example", Version: "1.0.0", Language: runtime.Version()}
	hello := &pb.Hello{AgentId: s.agentID, InstanceId: s.instanceID, Sdk: sdk, ProtocolVersion: 1, State: s.state}
	for id, a := range s.attempts {
		hello.Held = append(hello.Held, &pb.HeldAttempt{AttemptId: id, Finished: a.result != nil, LastChunk: a.output.last})
	}
	return s.stream, address, hello
}

// serve returns when the stream has ended. It has a connection of its own, so that nothing of an older one delays it.
func (s *session) serve(ctx context.Context, st *stream, address string, hello *pb.Hello) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	connection, err := s.connect(address)
	if err != nil {
		return err
	}
	defer connection.Close()
	saidAt := time.Now()
	call, err := pb.NewAgentServiceClient(connection).Session(s.authorize(ctx))
	if err != nil {
		return err
	}
	// An error of Send is an end, whose reason Recv gives.
	_ = call.Send(&pb.SessionRequest{Frame: &pb.SessionRequest_Hello{Hello: hello}})
	silence := time.AfterFunc(welcomeTimeout, cancel)
	defer silence.Stop()
	for {
		response, err := call.Recv()
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if welcome := response.GetWelcome(); welcome != nil && !st.isWelcomed {
			s.begin(st, welcome, saidAt, hello.State.Revision)
			go st.write(ctx, s, call)
			go s.beat(ctx, st)
		}
		silence.Reset(s.currentRules().silenceLimit)
		s.receive(st, response)
	}
}

func (s *session) begin(st *stream, welcome *pb.Welcome, saidAt time.Time, revision uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Println("connected to", welcome.Node)
	s.rules, s.proven = readRules(welcome), saidAt
	st.isWelcomed, st.beatEvery = true, s.rules.beatInterval
	s.older()
	if s.state.Revision > revision {
		s.send(&pb.SessionRequest{Frame: &pb.SessionRequest_State{State: s.state}})
	}
	for _, a := range s.attempts {
		a.repeat()
	}
	s.sayGoodbye()
}

// send is under the lock. Without a stream, the next Hello says it, or it is said after the Welcome.
func (s *session) send(frame *pb.SessionRequest) {
	if s.stream != nil && s.stream.isWelcomed {
		s.stream.outgoing = append(s.stream.outgoing, frame)
		signalTo(s.stream.wake)
	}
}

// queue is under the lock. A slow stream has one report of an attempt before it, not many.
func (s *session) queue(a *attempt) {
	if s.stream.isWelcomed && !a.isQueued {
		a.isQueued = true
		s.stream.outgoing = append(s.stream.outgoing, a)
		signalTo(s.stream.wake)
	}
}

func (st *stream) write(ctx context.Context, s *session, call pb.AgentService_SessionClient) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-st.wake:
		}
		frames, isLast := s.take(st)
		for _, frame := range frames {
			if call.Send(frame) != nil {
				return
			}
		}
		if isLast {
			_ = call.CloseSend()
			return
		}
	}
}

func (s *session) take(st *stream) (frames []*pb.SessionRequest, isLast bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stream != st {
		return nil, false // left: the newer one says it
	}
	for _, item := range st.outgoing {
		switch item := item.(type) {
		case *pb.SessionRequest:
			frames = append(frames, item)
		case *attempt:
			frames = append(frames, reportFrame(item.takeReport()))
		}
	}
	st.outgoing = nil
	return frames, st.isLast
}

func (s *session) beat(ctx context.Context, st *stream) {
	for number := uint32(1); ; number++ {
		s.mu.Lock()
		pause := st.beatEvery/10*9 + rand.N(st.beatEvery/5)
		s.mu.Unlock()
		due := time.Now().Add(pause)
		select {
		case <-ctx.Done():
			return
		case <-st.hurry:
		case <-time.After(pause):
		}
		s.mu.Lock()
		now := time.Now()
		st.beats[number] = now
		load := min(1, float64(s.running())/float64(s.state.Slots))
		beat := &pb.Beat{Number: number, Load: load, LoopLagMs: uint32(max(0, now.Sub(due).Milliseconds()))}
		if s.stream == st {
			s.send(&pb.SessionRequest{Frame: &pb.SessionRequest_Beat{Beat: beat}})
		}
		s.mu.Unlock()
	}
}

func (s *session) receive(st *stream, response *pb.SessionResponse) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stream != st {
		return // a newer one has said Hello
	}
	if away := response.GetGoAway(); away != nil {
		s.goAway(st, away)
	}
	acks := response.GetDispatch().GetAcks()
	if sentAt, ok := st.beats[acks.GetBeat()]; ok && sentAt.After(s.proven) {
		s.proven = sentAt
	}
	for number := range st.beats {
		if number <= acks.GetBeat() {
			delete(st.beats, number)
		}
	}
	for _, ack := range acks.GetChunks() {
		if a := s.attempts[ack.AttemptId]; a != nil && a.output.hear(ack) {
			s.queue(a)
		}
	}
	for _, ack := range acks.GetResults() {
		delete(s.attempts, ack.AttemptId)
		s.settled = append(s.settled, ack.AttemptId)
		s.settled = s.settled[max(0, len(s.settled)-settledMax):]
		signalTo(s.idle)
	}
	for _, stop := range response.GetDispatch().GetStops() {
		if a := s.attempts[stop.AttemptId]; a != nil {
			a.stop(stop.Reason.String())
		}
	}
	for _, order := range response.GetDispatch().GetAssignments() {
		s.assign(order)
	}
}

func (s *session) goAway(st *stream, away *pb.GoAway) {
	fmt.Println("sent away:", away.Message)
	switch away.Reason {
	case pb.GoAwayReason_GO_AWAY_REASON_DRAINED, pb.GoAwayReason_GO_AWAY_REASON_REPLACED:
		st.isWelcomed = false // what runs is no longer ours: it stops, and there is nothing to report
		s.stopAll("LOST")
		s.end()
	default:
		if len(away.Addresses) > 0 {
			s.address = away.Addresses[0]
		}
		time.AfterFunc(rand.N(milliseconds(away.ReconnectWithinMs)+1), func() { signalTo(st.moving) })
	}
}

func reportFrame(report *pb.Report) *pb.SessionRequest {
	return &pb.SessionRequest{Frame: &pb.SessionRequest_Report{Report: report}}
}
