package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
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
)

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
