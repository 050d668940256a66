package example;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.protobuf.util.JsonFormat;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import yardmaster.v1.ReportOuterClass.AttemptFailed;

final class Capabilities {
    private static final int ROUNDS_BETWEEN_LOOKS = 10_000;

    static Struct echo(Struct given, Attempt attempt) {
        return given;
    }

    static Struct digest(Struct given, Attempt attempt) throws Exception {
        byte[] sum = readText(given, "text").getBytes(StandardCharsets.UTF_8);
        long rounds = readInteger(given, "rounds", 1, 100_000_000);
        MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
        for (long done = 0; done < rounds; done++) {
            if (done % ROUNDS_BETWEEN_LOOKS == 0 && Thread.interrupted()) throw new InterruptedException();
            sum = sha256.digest(sum);
        }
        return object("sha256", Value.newBuilder().setStringValue(HexFormat.of().formatHex(sum)));
    }

    static Struct count(Struct given, Attempt attempt) throws Exception {
        long to = readInteger(given, "to", 0, 1_000_000);
        long delayMs = readInteger(given, "delayMs", 0, 3_600_000);
        Struct checkpoint = attempt.order.getCheckpoint().getStructValue();
        long at = (long) checkpoint.getFieldsOrDefault("at", number(0).build()).getNumberValue();
        while (at < to) {
            Thread.sleep(delayMs);
            at++;
            attempt.write("out", at + "\n");
            attempt.save(object("at", number(at)), (double) at / to, at + " of " + to);
        }
        return object("counted", number(to));
    }

    static Struct fail(Struct given, Attempt attempt) throws Exception {
        readText(given, "code");
        readText(given, "message");
        int tries = attempt.order.getTryNumber();
        if (given.containsFields("times") && tries > readInteger(given, "times", 0, Integer.MAX_VALUE)) {
            return object("tries", number(tries));
        }
        // Its members have the names of the message's, and what is not there stays unset.
        AttemptFailed.Builder failed = AttemptFailed.newBuilder();
        try {
            JsonFormat.parser().ignoringUnknownFields().merge(JsonFormat.printer().print(given), failed);
        } catch (InvalidProtocolBufferException error) {
            throw invalid(error.getMessage());
        }
        throw new Attempt.Failure(failed.build());
    }

    private static String readText(Struct given, String name) throws Attempt.Failure {
        Value value = given.getFieldsOrDefault(name, Value.getDefaultInstance());
        if (!value.hasStringValue()) throw invalid(name + " must be a string");
        return value.getStringValue();
    }

    private static long readInteger(Struct given, String name, long least, long most) throws Attempt.Failure {
        Value value = given.getFieldsOrDefault(name, Value.getDefaultInstance());
        double number = value.getNumberValue();
        if (!value.hasNumberValue() || number != Math.rint(number) || number < least || number > most) {
            throw invalid(name + " must be an integer from " + least + " to " + most);
        }
        return (long) number;
    }

    private static Attempt.Failure invalid(String message) {
        return Attempt.Failure.last("INVALID_INPUT", message);
    }

    private static Struct object(String name, Value.Builder value) {
        return Struct.newBuilder().putFields(name, value.build()).build();
    }

    private static Value.Builder number(long number) {
        return Value.newBuilder().setNumberValue(number);
    }
}
