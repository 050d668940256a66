package main

import (
	"cmp"
	"context"
	"time"

	pb "example/yardmaster"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

func (s *session) connect(address string) (*grpc.ClientConn, error) {
	return grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
}

func (s *session) authorize(ctx context.Context) context.Context {
	if s.token == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+s.token)
}

// What the last Welcome states, or the defaults of the protocol.
type rules struct {
	beatInterval, silenceLimit, lossWindow time.Duration
	inlineValueBytesMax, blobBytesMax      uint32
}

func readRules(welcome *pb.Welcome) rules {
	return rules{
		beatInterval:        cmp.Or(welcome.GetBeatInterval().AsDuration(), 5*time.Second),
		silenceLimit:        cmp.Or(welcome.GetSilenceLimit().AsDuration(), 15*time.Second),
		lossWindow:          cmp.Or(welcome.GetLossWindow().AsDuration(), 30*time.Second),
		inlineValueBytesMax: cmp.Or(welcome.GetLimits().GetInlineValueBytesMax(), 256<<10),
		blobBytesMax:        cmp.Or(welcome.GetLimits().GetBlobBytesMax(), 64<<20),
	}
}

func (s *session) currentRules() rules {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rules
}

// blobs is a client for one transfer, and what ends it.
func (s *session) blobs(ctx context.Context) (pb.BlobServiceClient, context.Context, func(), error) {
	connection, err := s.connect(s.target)
	if err != nil {
		return nil, nil, nil, err
	}
	ctx, cancel := context.WithTimeout(s.authorize(ctx), blobTimeout)
	return pb.NewBlobServiceClient(connection), ctx, func() { cancel(); connection.Close() }, nil
}
