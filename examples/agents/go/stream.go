package main

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"slices"
	"time"

	pb "example/yardmaster"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

const (
	welcomeTimeout = 10 * time.Second
	goodConnection = 10 * time.Second
	delayMax       = 10 * time.Second
	addressesMax   = 16
	addressForm    = `([A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}` // host:port
)

var isAddress = regexp.MustCompile(`^` + addressForm + `$`).MatchString

// Time does not mend these refusals; a person may do so at any moment.
var forAPerson = []codes.Code{
	codes.Unauthenticated, codes.PermissionDenied, codes.Unimplemented, codes.InvalidArgument, codes.FailedPrecondition,
}

// One stream. Its context ends with it, and says why; the rest is under the session's lock.
type stream struct {
	ctx    context.Context
	end    context.CancelCauseFunc
	moving chan struct{}        // has an item when a GoAway wants the next stream now
	outbox []*pb.SessionRequest // what is said once
	beatAt time.Time            // when the next one is due
}

func newStream(ctx context.Context) *stream {
	ctx, end := context.WithCancelCause(ctx)
	return &stream{ctx: ctx, end: end, moving: make(chan struct{}, 1)}
}

// serve returns when the stream has ended. It has a connection of its own, so that nothing of an older one delays it.
func (s *session) serve(st *stream) error {
	var address string
	s.locked(func() { // the next stream goes to the next address, unless this one answers
		address, s.addresses = s.addresses[0], append(s.addresses[1:], s.addresses[0])
	})
	connection := dial(address)
	defer connection.Close()
	silence := time.AfterFunc(welcomeTimeout, func() { st.end(fmt.Errorf("nothing was heard from %s", address)) })
	defer silence.Stop()
	call, err := pb.NewAgentServiceClient(connection).Session(st.ctx) // waits for the connection
	if err != nil {
		return err
	}
	saidAt := time.Now()
	_ = call.Send(s.greet(st)) // when it fails Recv says why, as of every Send
	for {
		response, err := call.Recv()
		if err != nil {
			return err
		}
		s.locked(func() {
			if welcome := response.GetWelcome(); welcome != nil {
				s.begin(st, address, saidAt, welcome)
				go s.write(st, call)
			} else if s.current == st { // what an older one says comes again on this one
				s.receive(response)
			}
			silence.Reset(cmp.Or(s.welcome.GetSilenceLimit().AsDuration(), 15*time.Second))
		})
	}
}

// greet gives the Hello that makes the stream the one that counts.
func (s *session) greet(st *stream) *pb.SessionRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	hello := s.hello
	for id, a := range s.attempts {
		held := pb.HeldAttempt_builder{AttemptId: id, Finished: a.result != nil, LastChunk: a.lastChunk}.Build()
		hello.Held = append(hello.Held, held)
	}
	s.current = st
	return pb.SessionRequest_builder{Hello: hello.Build()}.Build()
}

func (s *session) begin(st *stream, address string, saidAt time.Time, welcome *pb.Welcome) {
	fmt.Println("connected to", welcome.GetNode())
	s.welcome, s.address, s.addresses = welcome, address, slices.Compact([]string{address, s.own})
	s.sent, s.acked, st.beatAt = []time.Time{saidAt}, 0, time.Now().Add(s.beatEvery())
	s.older(nil)
	for _, a := range s.attempts {
		a.repeat()
	}
}

// write says all that is due, as fast as the other side reads.
func (s *session) write(st *stream, call pb.AgentService_SessionClient) {
	for st.ctx.Err() == nil {
		frames, patience := s.due(st)
		for _, frame := range frames {
			if call.Send(frame) != nil {
				return
			}
			if frame.HasGoodbye() {
				_ = call.CloseSend()
				return
			}
		}
		select {
		case <-s.news:
		case <-time.After(patience):
		}
	}
}

// due is what goes out now, and how long to wait for more. When the stream was left a newer one says it.
func (s *session) due(st *stream) (frames []*pb.SessionRequest, patience time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != st {
		return nil, tick
	}
	for _, a := range s.attempts {
		if report := a.takeReport(); report != nil {
			frames = append(frames, pb.SessionRequest_builder{Report: report}.Build())
		}
	}
	frames, st.outbox = append(frames, st.outbox...), nil
	if now := time.Now(); !now.Before(st.beatAt) {
		frames = append(frames, pb.SessionRequest_builder{Beat: s.beat()}.Build())
		s.sent, st.beatAt = append(s.sent, now), now.Add(s.beatEvery())
	}
	return frames, time.Until(st.beatAt)
}

// beat tells also what Hello would list, for both sides to compare: the XOR of the FNV-1a of each id.
func (s *session) beat() *pb.Beat {
	digest := uint32(0)
	for id := range s.attempts {
		hash := fnv.New32a()
		hash.Write([]byte(id))
		digest ^= hash.Sum32()
	}
	return pb.Beat_builder{
		Number: s.acked + uint32(len(s.sent)), Load: min(1, float64(s.running())/float64(s.hello.State.GetSlots())),
		Acked: s.acked, HeldCount: uint32(len(s.attempts)), HeldDigest: digest,
	}.Build()
}

// beatEvery has jitter. Several beats may be lost before a window is over.
func (s *session) beatEvery() time.Duration {
	every := cmp.Or(s.welcome.GetBeatInterval().AsDuration(), 5*time.Second)
	for _, a := range s.attempts {
		every = min(every, max(2*tick, a.window/5))
	}
	return every/10*9 + rand.N(every/5)
}

func (s *session) receive(response *pb.SessionResponse) {
	if response.HasGoAway() {
		s.goAway(response.GetGoAway())
	}
	dispatch, acks := response.GetDispatch(), response.GetDispatch().GetAcks()
	if beat := acks.GetBeat(); beat > s.acked && int(beat-s.acked) < len(s.sent) {
		s.sent, s.acked = s.sent[beat-s.acked:], beat
	}
	for _, ack := range acks.GetChunks() {
		if a := s.attempts[ack.GetAttemptId()]; a != nil {
			a.hear(ack)
		}
	}
	for _, ack := range acks.GetResults() {
		delete(s.attempts, ack.GetAttemptId())
		s.settled = append(s.settled, ack.GetAttemptId())
		s.settled = s.settled[max(0, len(s.settled)-settledMax):]
	}
	for _, stop := range dispatch.GetStops() {
		if a := s.attempts[stop.GetAttemptId()]; a != nil {
			a.stop(stopped)
		}
	}
	for _, order := range dispatch.GetAssignments() {
		s.assign(order)
	}
}

func (s *session) goAway(away *pb.GoAway) {
	fmt.Println("sent away:", away.GetMessage())
	switch away.GetReason() {
	case pb.GoAwayReason_GO_AWAY_REASON_DRAINED, pb.GoAwayReason_GO_AWAY_REASON_REPLACED:
		s.end() // and with it what runs: it is no longer ours, and nobody asks how it ended
	default:
		named := slices.DeleteFunc(away.GetAddresses(), func(address string) bool { return !isAddress(address) })
		if len(named) > 0 {
			s.addresses = append(named[:min(len(named), addressesMax)], s.own)
		}
		st := s.current
		time.AfterFunc(rand.N(milliseconds(away.GetReconnectWithinMs())+1), func() { st.moving <- struct{}{} })
	}
}

// dial connects when the first call is made.
func dial(address string) *grpc.ClientConn {
	connection, err := grpc.NewClient("dns:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(err) // it is host:port
	return connection
}

// delayAfter has full jitter below a ceiling that doubles from 0.2 s to 10 s, and is not less than RetryInfo states.
func delayAfter(err error, tries int) time.Duration {
	refusal := status.Convert(err)
	for _, detail := range refusal.Details() {
		if retry, ok := detail.(*errdetails.RetryInfo); ok {
			return retry.GetRetryDelay().AsDuration() + rand.N(200*time.Millisecond)
		}
	}
	if slices.Contains(forAPerson, refusal.Code()) {
		return delayMax
	}
	return rand.N(min(delayMax, 200*time.Millisecond<<min(tries, 10)))
}

func milliseconds(count uint32) time.Duration { return time.Duration(count) * time.Millisecond }

// pause ends early, with the reason, when the context is done.
func pause(ctx context.Context, patience time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(patience):
		return nil
	}
}
