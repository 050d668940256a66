package example;

import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.security.MessageDigest;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import yardmaster.v1.BlobServiceOuterClass.DownloadRequest;
import yardmaster.v1.BlobServiceOuterClass.DownloadResponse;
import yardmaster.v1.BlobServiceOuterClass.UploadHeader;
import yardmaster.v1.BlobServiceOuterClass.UploadRequest;
import yardmaster.v1.BlobServiceOuterClass.UploadResponse;
import yardmaster.v1.PayloadOuterClass.BlobRef;
import yardmaster.v1.SessionRequestOuterClass.SessionRequest;
import yardmaster.v1.SessionResponseOuterClass.SessionResponse;

/** Where the control plane is, who we say that we are, and the transfer of large values. */
final class Connection {
    static final MethodDescriptor<SessionRequest, SessionResponse> SESSION = describe(
            MethodType.BIDI_STREAMING, "AgentService/Session", SessionRequest.getDefaultInstance(), SessionResponse.getDefaultInstance());
    private static final MethodDescriptor<UploadRequest, UploadResponse> UPLOAD = describe(
            MethodType.CLIENT_STREAMING, "BlobService/Upload", UploadRequest.getDefaultInstance(), UploadResponse.getDefaultInstance());
    private static final MethodDescriptor<DownloadRequest, DownloadResponse> DOWNLOAD = describe(
            MethodType.SERVER_STREAMING, "BlobService/Download", DownloadRequest.getDefaultInstance(), DownloadResponse.getDefaultInstance());
    private static final int PART_BYTES = 64 * 1024;
    private static final int TRANSFER_SECONDS = 60;

    final String target;
    private final Metadata metadata = new Metadata();

    Connection(String url, String token) {
        target = url.replaceFirst("^http://", "").replaceFirst("/$", "");
        if (!token.isEmpty()) {
            metadata.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + token);
        }
    }

    /** A connection of its own for each stream, so that the back-off of an older one does not delay it. */
    ManagedChannel dial(String address) {
        return Grpc.newChannelBuilder(address, InsecureChannelCredentials.create()).disableRetry().build();
    }

    Channel authorize(ManagedChannel channel) {
        return ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(metadata));
    }

    ByteString download(String runId, BlobRef blob) {
        ManagedChannel channel = dial(target);
        try {
            DownloadRequest request = DownloadRequest.newBuilder().setRunId(runId).setBlobId(blob.getBlobId()).build();
            ByteString bytes = ByteString.EMPTY;
            var parts = ClientCalls.blockingServerStreamingCall(authorize(channel), DOWNLOAD, transfer(), request);
            while (parts.hasNext()) bytes = bytes.concat(parts.next().getData());
            return bytes;
        } finally {
            channel.shutdownNow();
        }
    }

    BlobRef upload(String attemptId, ByteString bytes) throws Exception {
        byte[] sha256 = MessageDigest.getInstance("SHA-256").digest(bytes.toByteArray());
        UploadHeader.Builder header = UploadHeader.newBuilder()
                .setAttemptId(attemptId)
                .setSha256(ByteString.copyFrom(sha256))
                .setSize(bytes.size());
        ManagedChannel channel = dial(target);
        try {
            CompletableFuture<BlobRef> stored = new CompletableFuture<>();
            var call = authorize(channel).newCall(UPLOAD, transfer());
            var upload = ClientCalls.asyncClientStreamingCall(call, new StreamObserver<UploadResponse>() {
                @Override
                public void onNext(UploadResponse response) {
                    stored.complete(response.getBlob());
                }

                @Override
                public void onError(Throwable error) {
                    stored.completeExceptionally(error);
                }

                @Override
                public void onCompleted() {}
            });
            upload.onNext(UploadRequest.newBuilder().setHeader(header).build());
            for (int at = 0; at < bytes.size(); at += PART_BYTES) {
                ByteString part = bytes.substring(at, Math.min(bytes.size(), at + PART_BYTES));
                upload.onNext(UploadRequest.newBuilder().setData(part).build());
            }
            upload.onCompleted();
            return stored.get(TRANSFER_SECONDS, TimeUnit.SECONDS);
        } finally {
            channel.shutdownNow();
        }
    }

    private static CallOptions transfer() {
        return CallOptions.DEFAULT.withDeadlineAfter(TRANSFER_SECONDS, TimeUnit.SECONDS);
    }

    /** What the generator for gRPC writes for a method. */
    private static <Q extends Message, A extends Message> MethodDescriptor<Q, A> describe(
            MethodType type, String name, Q request, A response) {
        return MethodDescriptor.<Q, A>newBuilder()
                .setType(type)
                .setFullMethodName("yardmaster.v1." + name)
                .setRequestMarshaller(ProtoUtils.marshaller(request))
                .setResponseMarshaller(ProtoUtils.marshaller(response))
                .build();
    }
}
