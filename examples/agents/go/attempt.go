package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	pb "example/yardmaster"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

const (
	blobPartBytes = 64 << 10
	blobTimeout   = time.Minute
	saveInterval  = time.Second
)

// Its context is done when the attempt must stop.
type handler func(context.Context, members, *attempt) (members, error)

// One attempt: what its handler may do, what of it the control plane has yet to hear, and how it ends.
// Everything but the assignment belongs to the session's lock.
type attempt struct {
	*pb.Assignment
	session *session
	ctx     context.Context
	cancel  context.CancelFunc
	cause   string // why it must stop
	result  *pb.AttemptResult

	progress   *pb.AttemptProgress
	checkpoint *pb.AttemptCheckpoint
	toldAt     time.Time // when the two were told last

	acceptDue, saveDue, resultDue bool
	isQueued                      bool
}

// save keeps what another instance needs in order to go on from here, and how far it is. Told at most once a second.
func (a *attempt) save(checkpoint members, fraction float64, message string) error {
	value, err := toValue(checkpoint)
	if err != nil {
		return err
	}
	a.session.mu.Lock()
	defer a.session.mu.Unlock()
	a.checkpoint = &pb.AttemptCheckpoint{Value: value}
	a.progress = &pb.AttemptProgress{Fraction: fraction, Message: message}
	a.saveDue = a.result == nil
	a.tellSaved()
	return nil
}

func (a *attempt) tellSaved() {
	if a.saveDue && time.Since(a.toldAt) >= saveInterval {
		a.toldAt = time.Now()
		a.session.queue(a)
	}
}

func (a *attempt) stop(cause string) {
	a.cause = cause
	a.cancel()
}

// finish is the one end; of what was saved only the end of a success makes the telling needless.
func (a *attempt) finish(result *pb.AttemptResult) {
	result.AttemptId = a.AttemptId
	a.result, a.resultDue, a.acceptDue = result, true, false
	a.saveDue = a.saveDue && result.GetCompleted() == nil
	a.session.queue(a)
}

// repeat makes all of it due again. It is absolute, so that a repeat does no harm.
func (a *attempt) repeat() {
	a.acceptDue, a.resultDue = a.result == nil, a.result != nil
	a.saveDue = a.checkpoint != nil && a.result.GetCompleted() == nil
	a.isQueued = false
	a.session.queue(a)
}

func (a *attempt) takeReport() *pb.Report {
	report := &pb.Report{}
	if a.acceptDue {
		update := &pb.AttemptUpdate_Accepted{Accepted: &pb.AttemptAccepted{}}
		report.Updates = append(report.Updates, &pb.AttemptUpdate{AttemptId: a.AttemptId, Update: update})
	}
	if a.saveDue {
		report.Updates = append(report.Updates,
			&pb.AttemptUpdate{AttemptId: a.AttemptId, Update: &pb.AttemptUpdate_Progress{Progress: a.progress}},
			&pb.AttemptUpdate{AttemptId: a.AttemptId, Update: &pb.AttemptUpdate_Checkpoint{Checkpoint: a.checkpoint}})
	}
	if a.resultDue {
		report.Results = append(report.Results, a.result)
	}
	a.acceptDue, a.saveDue, a.resultDue, a.isQueued = false, false, false, false
	return report
}

// work runs the handler, without the lock.
func (a *attempt) work(run handler) {
	output, err := a.perform(run)
	a.session.mu.Lock()
	defer a.session.mu.Unlock()
	a.finish(a.endOf(output, err))
}

func (a *attempt) perform(run handler) (output *pb.Payload, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	given, err := a.unpack()
	if err != nil {
		return nil, err
	}
	answer, err := run(a.ctx, given, a)
	if err != nil {
		return nil, err
	}
	return a.pack(answer)
}

func (a *attempt) endOf(output *pb.Payload, err error) *pb.AttemptResult {
	failed := failure{&pb.AttemptFailed{Code: "HANDLER_ERROR"}}
	switch {
	case err == nil:
		return &pb.AttemptResult{Result: &pb.AttemptResult_Completed{Completed: &pb.AttemptCompleted{Output: output}}}
	case a.cause == "TIMEOUT":
		failed.message = &pb.AttemptFailed{Code: "TIMEOUT", Message: "the time of the attempt is over"}
	case a.cause == "DRAINING" || a.cause == "CONTACT_LOST": // reasons of our own: another instance may go on
		return handedBack(a.cause)
	case a.cause != "":
		return &pb.AttemptResult{Result: &pb.AttemptResult_Cancelled{Cancelled: &pb.AttemptCancelled{}}}
	case !errors.As(err, &failed):
		failed.message.Message = err.Error()
	}
	return &pb.AttemptResult{Result: &pb.AttemptResult_Failed{Failed: failed.message}}
}

func handedBack(reason string) *pb.AttemptResult {
	return &pb.AttemptResult{Result: &pb.AttemptResult_HandedBack{HandedBack: &pb.AttemptHandedBack{Reason: reason}}}
}

// ---- values, inline or as blobs

func (a *attempt) unpack() (members, error) {
	value := a.Input.GetValue()
	if blob := a.Input.GetBlob(); blob != nil {
		data, err := a.download(blob)
		if err != nil {
			return nil, err
		}
		value = &structpb.Value{}
		if err := proto.Unmarshal(data, value); err != nil {
			return nil, err
		}
	}
	if value == nil {
		return members{}, nil
	}
	given, ok := value.AsInterface().(map[string]any)
	if !ok {
		return nil, invalid("the input must be an object")
	}
	return given, nil
}

func (a *attempt) pack(output members) (*pb.Payload, error) {
	value, err := toValue(output)
	if err != nil {
		return nil, err
	}
	data, err := proto.Marshal(value)
	limits := a.session.currentRules()
	switch {
	case err != nil:
		return nil, err
	case len(data) <= int(limits.inlineValueBytesMax):
		return &pb.Payload{Kind: &pb.Payload_Value{Value: value}}, nil
	case len(data) > int(limits.blobBytesMax):
		message := fmt.Sprintf("the output has %d bytes", len(data))
		return nil, failure{&pb.AttemptFailed{Code: "LIMIT", Message: message, Retryable: proto.Bool(false)}}
	}
	blob, err := a.upload(data)
	if err != nil {
		return nil, err
	}
	return &pb.Payload{Kind: &pb.Payload_Blob{Blob: blob}}, nil
}

func (a *attempt) download(blob *pb.BlobRef) ([]byte, error) {
	client, ctx, done, err := a.session.blobs(a.ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	call, err := client.Download(ctx, &pb.DownloadRequest{RunId: a.RunId, BlobId: blob.BlobId})
	if err != nil {
		return nil, err
	}
	var data []byte
	for {
		part, err := call.Recv()
		if err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		data = append(data, part.Data...)
	}
	sum := sha256.Sum256(data)
	if len(blob.Sha256) > 0 && !bytes.Equal(blob.Sha256, sum[:]) {
		message := "the input arrived damaged"
		return nil, failure{&pb.AttemptFailed{Code: "BLOB_CORRUPT", Message: message, Retryable: proto.Bool(false)}}
	}
	return data, nil
}

func (a *attempt) upload(data []byte) (*pb.BlobRef, error) {
	client, ctx, done, err := a.session.blobs(a.ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	call, err := client.Upload(ctx)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	header := &pb.UploadHeader{AttemptId: a.AttemptId, Sha256: sum[:], Size: uint32(len(data))}
	// A refusal ends Send with EOF; CloseAndRecv then says why.
	err = call.Send(&pb.UploadRequest{Part: &pb.UploadRequest_Header{Header: header}})
	for offset := 0; err == nil && offset < len(data); offset += blobPartBytes {
		part := data[offset:min(offset+blobPartBytes, len(data))]
		err = call.Send(&pb.UploadRequest{Part: &pb.UploadRequest_Data{Data: part}})
	}
	response, err := call.CloseAndRecv()
	return response.GetBlob(), err
}

func toValue(object members) (*structpb.Value, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	value := &structpb.Value{}
	return value, protojson.Unmarshal(text, value)
}
