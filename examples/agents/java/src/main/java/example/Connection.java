package example;

import com.google.protobuf.ByteString;
import io.grpc.ClientInterceptors;
import io.grpc.Channel;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.security.MessageDigest;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import yardmaster.v1.BlobServiceGrpc;
import yardmaster.v1.BlobServiceOuterClass.DownloadRequest;
import yardmaster.v1.BlobServiceOuterClass.UploadHeader;
import yardmaster.v1.BlobServiceOuterClass.UploadRequest;
import yardmaster.v1.BlobServiceOuterClass.UploadResponse;
import yardmaster.v1.PayloadOuterClass.BlobRef;

/** Where the control plane is, who we say that we are, and the transfer of large values. */
final class Connection {
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
            var parts = BlobServiceGrpc.newBlockingStub(authorize(channel))
                    .withDeadlineAfter(TRANSFER_SECONDS, TimeUnit.SECONDS)
                    .download(request);
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
            var upload = BlobServiceGrpc.newStub(authorize(channel)).upload(new StreamObserver<UploadResponse>() {
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
}
