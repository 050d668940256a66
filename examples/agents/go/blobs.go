package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"time"

	pb "example/yardmaster"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

const (
	blobPartBytes = 64 << 10
	blobTimeout   = time.Minute
)

// unpack gives the input, inline or from a blob.
func (a *attempt) unpack() (any, error) {
	value := a.GetInput().GetValue()
	if blob := a.GetInput().GetBlob(); blob != nil {
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
		return object{}, a.ctx.Err()
	}
	return value.AsInterface(), a.ctx.Err()
}

// pack gives the output as a value, or as the blob that it was uploaded to.
func (a *attempt) pack(output object) (*pb.Payload, error) {
	value, err := structpb.NewValue(output)
	if err != nil {
		return nil, err
	}
	var limits *pb.Limits
	a.session.locked(func() { limits = a.session.welcome.GetLimits() })
	switch size := proto.Size(value); {
	case size <= int(cmp.Or(limits.GetInlineValueBytesMax(), 256<<10)):
		return pb.Payload_builder{Value: value}.Build(), nil
	case size > int(cmp.Or(limits.GetBlobBytesMax(), 64<<20)):
		return nil, forGood("LIMIT", fmt.Sprintf("the output has %d bytes", size))
	}
	blob, err := a.upload(value)
	return pb.Payload_builder{Blob: blob}.Build(), err
}

func (a *attempt) download(blob *pb.BlobRef) (data []byte, err error) {
	err = a.transfer(func(ctx context.Context, service pb.BlobServiceClient) error {
		call, err := service.Download(ctx, pb.DownloadRequest_builder{RunId: a.GetRunId(), BlobId: blob.GetBlobId()}.Build())
		for err == nil {
			var part *pb.DownloadResponse
			part, err = call.Recv()
			data = append(data, part.GetData()...)
		}
		return err
	})
	if err != io.EOF {
		return nil, err
	}
	if sum := sha256.Sum256(data); len(blob.GetSha256()) > 0 && !bytes.Equal(blob.GetSha256(), sum[:]) {
		return nil, forGood("BLOB_CORRUPT", "the input arrived damaged")
	}
	return data, nil
}

func (a *attempt) upload(value *structpb.Value) (blob *pb.BlobRef, err error) {
	data, err := proto.Marshal(value)
	if err != nil {
		return nil, err
	}
	err = a.transfer(func(ctx context.Context, service pb.BlobServiceClient) error {
		call, err := service.Upload(ctx)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		header := pb.UploadHeader_builder{AttemptId: a.GetAttemptId(), Sha256: sum[:], Size: uint32(len(data))}.Build()
		err = call.Send(pb.UploadRequest_builder{Header: header}.Build())
		for part := range slices.Chunk(data, blobPartBytes) {
			if err == nil { // a refusal ends Send; CloseAndRecv then says why
				err = call.Send(pb.UploadRequest_builder{Data: part}.Build())
			}
		}
		response, err := call.CloseAndRecv()
		blob = response.GetBlob()
		return err
	})
	return blob, err
}

// transfer is on a connection of its own, so that the end of a stream does not end it.
func (a *attempt) transfer(do func(context.Context, pb.BlobServiceClient) error) error {
	var address string
	a.session.locked(func() { address = a.session.address })
	connection := dial(address)
	defer connection.Close()
	ctx, cancel := context.WithTimeout(a.ctx, blobTimeout)
	defer cancel()
	return do(ctx, pb.NewBlobServiceClient(connection))
}
