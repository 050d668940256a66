package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"time"

	pb "example/yardmaster"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

const roundsBetweenLooks = 10_000

func echo(_ context.Context, given members, _ *attempt) (members, error) {
	return given, nil
}

func digest(ctx context.Context, given members, _ *attempt) (members, error) {
	text, err := given.text("text")
	if err != nil {
		return nil, err
	}
	rounds, err := given.integer("rounds", 1, 100_000_000)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(text))
	for done := int64(1); done < rounds; done++ {
		if done%roundsBetweenLooks == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		sum = sha256.Sum256(sum[:])
	}
	return members{"sha256": hex.EncodeToString(sum[:])}, nil
}

func count(ctx context.Context, given members, a *attempt) (members, error) {
	to, err := given.integer("to", 0, 1_000_000)
	if err != nil {
		return nil, err
	}
	delayMs, err := given.integer("delayMs", 0, 3_600_000)
	if err != nil {
		return nil, err
	}
	at := int64(a.GetCheckpoint().GetStructValue().GetFields()["at"].GetNumberValue())
	for at < to {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Duration(delayMs) * time.Millisecond):
		}
		at++
		if err := a.write("out", fmt.Sprintf("%d\n", at)); err != nil {
			return nil, err
		}
		message := fmt.Sprintf("%d of %d", at, to)
		if err := a.save(members{"at": at}, float64(at)/float64(to), message); err != nil {
			return nil, err
		}
	}
	return members{"counted": to}, nil
}

func fail(_ context.Context, given members, a *attempt) (members, error) {
	if _, isLimited := given["times"]; isLimited {
		times, err := given.integer("times", 0, math.MaxUint32)
		if err != nil {
			return nil, err
		}
		if int64(a.TryNumber) > times {
			return members{"tries": a.TryNumber}, nil
		}
	}
	for _, name := range []string{"code", "message"} {
		if _, err := given.text(name); err != nil {
			return nil, err
		}
	}
	// Its members have the names of the message's, and what is not there stays unset.
	text, err := json.Marshal(given)
	if err != nil {
		return nil, err
	}
	failed := &pb.AttemptFailed{}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, failed); err != nil {
		return nil, invalid(err.Error())
	}
	return nil, failure{failed}
}

// The members of a JSON object.
type members map[string]any

func (given members) text(name string) (string, error) {
	if text, ok := given[name].(string); ok {
		return text, nil
	}
	return "", invalid(name + " must be a string")
}

func (given members) integer(name string, least, most int64) (int64, error) {
	number, ok := given[name].(float64)
	if !ok || number != math.Trunc(number) || number < float64(least) || number > float64(most) {
		return 0, invalid(fmt.Sprintf("%s must be an integer from %d to %d", name, least, most))
	}
	return int64(number), nil
}

// Ends the attempt as failed, in the way that the message states.
type failure struct{ message *pb.AttemptFailed }

func (f failure) Error() string { return f.message.Message }

func invalid(message string) failure {
	return failure{&pb.AttemptFailed{Code: "INVALID_INPUT", Message: message, Retryable: proto.Bool(false)}}
}
