package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	pb "example/yardmaster"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

const roundsBetweenLooks = 10_000

// A JSON object.
type object = map[string]any

// Does the work on an input that fits the schema. Its context is done when the attempt must stop.
type handler func(context.Context, object, *attempt) (object, error)

var handlers = map[string]handler{"echo": echo, "digest": digest, "count": count, "fail": fail}

func echo(_ context.Context, given object, _ *attempt) (object, error) {
	return given, nil
}

func digest(ctx context.Context, given object, _ *attempt) (object, error) {
	sum := sha256.Sum256([]byte(given["text"].(string)))
	for done := 1; done < int(given["rounds"].(float64)); done++ {
		if done%roundsBetweenLooks == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		sum = sha256.Sum256(sum[:])
	}
	return object{"sha256": hex.EncodeToString(sum[:])}, nil
}

func count(ctx context.Context, given object, a *attempt) (object, error) {
	to, delayMs := int(given["to"].(float64)), given["delayMs"].(float64)
	at := int(a.GetCheckpoint().GetStructValue().GetFields()["at"].GetNumberValue())
	for at < to {
		if err := pause(ctx, time.Duration(delayMs)*time.Millisecond); err != nil {
			return nil, err
		}
		at++
		if err := a.write("out", fmt.Sprintf("%d\n", at)); err != nil {
			return nil, err
		}
		if err := a.save(object{"at": at}, float64(at)/float64(to), fmt.Sprintf("%d of %d", at, to)); err != nil {
			return nil, err
		}
	}
	return object{"counted": to}, nil
}

func fail(_ context.Context, given object, a *attempt) (object, error) {
	if times, isLimited := given["times"].(float64); isLimited && float64(a.GetTryNumber()) > times {
		return object{"tries": a.GetTryNumber()}, nil
	}
	// Its members have the names of the message's, and what is not there stays unset.
	text, err := json.Marshal(given)
	if err != nil {
		return nil, err
	}
	failed := &pb.AttemptFailed{}
	err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(text, failed)
	return nil, cmp.Or[error](err, failure{failed})
}

// Ends the attempt as failed, in the way that the message states.
type failure struct{ message *pb.AttemptFailed }

func (f failure) Error() string { return f.message.GetMessage() }

// forGood fails without another try.
func forGood(code, message string) failure {
	return failure{pb.AttemptFailed_builder{Code: code, Message: message, Retryable: proto.Bool(false)}.Build()}
}

// compile gives the check of a capability's input.
func compile(capability *pb.Capability) *jsonschema.Schema {
	compiler, name := jsonschema.NewCompiler(), "input:"+capability.GetName()
	if err := compiler.AddResource(name, capability.GetInputSchema().AsMap()); err != nil {
		panic(err)
	}
	return compiler.MustCompile(name)
}
