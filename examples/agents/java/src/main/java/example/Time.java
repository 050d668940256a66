package example;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.Durations;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/** All in milliseconds. */
final class Time {
    static final long NEVER = Long.MAX_VALUE / 2;
    private static final long DELAY_MAX = 10_000;
    /** Time does not mend these refusals; a person may do so at any moment. */
    private static final Set<Status.Code> FOR_A_PERSON = EnumSet.of(
            Status.Code.UNAUTHENTICATED,
            Status.Code.PERMISSION_DENIED,
            Status.Code.UNIMPLEMENTED,
            Status.Code.INVALID_ARGUMENT,
            Status.Code.FAILED_PRECONDITION);

    /** Only grows. */
    static long now() {
        return System.nanoTime() / 1_000_000;
    }

    static long random(long most) {
        return ThreadLocalRandom.current().nextLong(most + 1);
    }

    /** Full jitter below a ceiling that doubles from 0.2 s to 10 s, and not before the time that RetryInfo states. */
    static long delayAfter(Throwable error, int tries) {
        var details = error == null ? null : StatusProto.fromThrowable(error);
        for (Any detail : details == null ? List.<Any>of() : details.getDetailsList()) {
            if (!detail.is(RetryInfo.class)) continue;
            try {
                return Durations.toMillis(detail.unpack(RetryInfo.class).getRetryDelay()) + random(200);
            } catch (InvalidProtocolBufferException malformed) {
                break; // whatever stands between may put anything there
            }
        }
        if (error != null && FOR_A_PERSON.contains(Status.fromThrowable(error).getCode())) return DELAY_MAX;
        return random(Math.min(DELAY_MAX, 200L << Math.min(tries, 10)));
    }
}
