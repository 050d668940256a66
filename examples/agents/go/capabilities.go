package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
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

type capability struct {
	run    handler
	schema *jsonschema.Schema // of the input
}

//go:embed capabilities.json
var stated []byte

// offer gives what Hello says of the capabilities, and what they do.
func offer(slots uint32) (*pb.State, map[string]capability) {
	state, offered, compiler := &pb.State{}, map[string]capability{}, jsonschema.NewCompiler()
	must(protojson.Unmarshal(stated, state))
	state.SetRevision(1)
	state.SetSlots(slots)
	handlers := map[string]handler{"echo": echo, "digest": digest, "count": count, "fail": fail}
	for _, c := range state.GetCapabilities() {
		must(compiler.AddResource("input:"+c.GetName(), c.GetInputSchema().AsMap()))
		offered[c.GetName()] = capability{handlers[c.GetName()], compiler.MustCompile("input:" + c.GetName())}
	}
	return state, offered
}

// must is for what cannot fail unless this program is wrong.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

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
		a.save(object{"at": at}, float64(at)/float64(to), fmt.Sprintf("%d of %d", at, to))
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
