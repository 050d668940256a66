package example;

import com.google.protobuf.Duration;
import com.google.protobuf.util.Durations;
import yardmaster.v1.SessionResponseOuterClass.Limits;
import yardmaster.v1.SessionResponseOuterClass.Welcome;

/** What the Welcome states, or the defaults of the protocol. */
record Rules(long beatMs, long silenceMs, long lossWindowMs, int inlineBytesMax, int blobBytesMax) {
    static Rules of(Welcome welcome) {
        Limits limits = welcome.getLimits();
        return new Rules(
                milliseconds(welcome.getBeatInterval(), 5_000),
                milliseconds(welcome.getSilenceLimit(), 15_000),
                milliseconds(welcome.getLossWindow(), 30_000),
                limits.getInlineValueBytesMax() == 0 ? 256 * 1024 : limits.getInlineValueBytesMax(),
                limits.getBlobBytesMax() == 0 ? 64 * 1024 * 1024 : limits.getBlobBytesMax());
    }

    private static long milliseconds(Duration stated, long otherwise) {
        long milliseconds = Durations.toMillis(stated);
        return milliseconds == 0 ? otherwise : milliseconds;
    }
}
