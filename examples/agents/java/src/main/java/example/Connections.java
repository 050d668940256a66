package example;

import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;

/** Where the control plane is, and who we say that we are. */
record Connections(String target, Metadata metadata) {
    static Connections to(String address, String token) {
        Metadata metadata = new Metadata();
        var authorization = Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
        if (!token.isEmpty()) metadata.put(authorization, "Bearer " + token);
        return new Connections(address, metadata);
    }

    /** Anything else could lead gRPC to other places: `unix:`, or a scheme of its own. */
    static boolean isAddress(String text) {
        return text.matches("([^\\s:/?#@\\[\\]]+|\\[[0-9A-Fa-f:.]+]):\\d{1,5}");
    }

    /** A connection of its own, so that the back-off of an older one does not delay it. */
    ManagedChannel dial(String address) {
        return Grpc.newChannelBuilder(address, InsecureChannelCredentials.create())
                .intercept(MetadataUtils.newAttachHeadersInterceptor(metadata))
                .disableRetry()
                .build();
    }
}
