package example;

import yardmaster.v1.ReportOuterClass.AttemptFailed;

/** Ends the attempt as failed, in the way that the message states. */
final class Failure extends Exception {
    final AttemptFailed failed;

    Failure(AttemptFailed failed) {
        super(failed.getMessage());
        this.failed = failed;
    }

    /** Another try would fail as well. */
    static Failure last(String code, String message) {
        return new Failure(AttemptFailed.newBuilder().setCode(code).setMessage(message).setRetryable(false).build());
    }
}
