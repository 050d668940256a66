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
	value, blob := a.GetInput().GetValue(), a.GetInput().GetBlob()
	if blob == nil && value == nil {
		return object{}, a.ctx.Err()
	}
	if blob != nil {
		data, err := a.download(blob)
		if err != nil {
			return nil, err
		}
		value = &structpb.Value{}
		if err := proto.Unmarshal(data, value); err != nil {
			return nil, err
		}
	}
	return value.AsInterface(), a.ctx.Err()
}

// pack gives the output as a value, or as the blob that it was uploaded to.
func (a *attempt) pack(output object) (*pb.Payload, error) {
	value, err := structpb.NewValue(output)
	if err != nil {
		return nil, err
	}
	data, err := proto.Marshal(value)
	if err != nil {
		return nil, err
	}
	var limits *pb.Limits
	a.session.locked(func() { limits = a.session.welcome.GetLimits() })
	if len(data) <= int(cmp.Or(limits.GetInlineValueBytesMax(), 256<<10)) {
		return pb.Payload_builder{Value: value}.Build(), nil
	}
	if len(data) > int(cmp.Or(limits.GetBlobBytesMax(), 64<<20)) {
		return nil, forGood("LIMIT", fmt.Sprintf("the output has %d bytes", len(data)))
	}
	blob, err := a.upload(data)
	return pb.Payload_builder{Blob: blob}.Build(), err
}

func (a *attempt) download(blob *pb.BlobRef) (data []byte, err error) {
	err = a.transfer(func(ctx context.Context, service pb.BlobServiceClient) error {
		request := pb.DownloadRequest_builder{RunId: a.GetRunId(), BlobId: blob.GetBlobId()}.Build()
		call, err := service.Download(ctx, request)
		for err == nil {
			var part *pb.DownloadResponse
			part, err = call.Recv()
			data = append(data, part.GetData()...)
		}
		if err != io.EOF {
			return err
		}
		return nil
	})
	sum := sha256.Sum256(data)
	if err == nil && len(blob.GetSha256()) > 0 && !bytes.Equal(blob.GetSha256(), sum[:]) {
		err = forGood("BLOB_CORRUPT", "the input arrived damaged")
	}
	return data, err
}

func (a *attempt) upload(data []byte) (blob *pb.BlobRef, err error) {
	err = a.transfer(func(ctx context.Context, service pb.BlobServiceClient) error {
		call, err := service.Upload(ctx)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		header := pb.UploadHeader_builder{AttemptId: a.GetAttemptId(), Sha256: sum[:], Size: uint32(len(data))}.Build()
		// A refusal ends Send; CloseAndRecv then says why.
		err = call.Send(pb.UploadRequest_builder{Header: header}.Build())
		for part := range slices.Chunk(data, blobPartBytes) {
			if err == nil {
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
	connection, err := dial(address)
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(a.session.authorize(a.ctx), blobTimeout)
	defer cancel()
	return do(ctx, pb.NewBlobServiceClient(connection))
}
