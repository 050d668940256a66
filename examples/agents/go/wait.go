package main

import (
	"math/rand/v2"
	"slices"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const delayMax = 10 * time.Second

// Time does not mend these refusals; a person may do so at any moment.
var forAPerson = []codes.Code{
	codes.Unauthenticated, codes.PermissionDenied, codes.Unimplemented, codes.InvalidArgument, codes.FailedPrecondition,
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

// waitFor is true when the channel had something before the time was over.
func waitFor[T any](channel <-chan T, patience time.Duration) bool {
	select {
	case <-channel:
		return true
	case <-time.After(patience):
		return false
	}
}

// signalTo never waits: one item says as much as two.
func signalTo(channel chan struct{}) {
	select {
	case channel <- struct{}{}:
	default:
	}
}
