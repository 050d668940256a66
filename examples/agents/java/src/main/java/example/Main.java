package example;

import com.google.protobuf.util.JsonFormat;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import sun.misc.Signal;
import sun.misc.SignalHandler;
import yardmaster.v1.HelloOuterClass.State;

/** The example agent in Java: echo, digest, count and fail, as docs/agents/README.md states them. */
public final class Main {
    private static final List<Signal> SIGNALS = List.of(new Signal("TERM"), new Signal("INT"));

    public static void main(String[] arguments) throws Exception {
        State.Builder state = State.newBuilder().setRevision(1).setSlots(readSetting("YARDMASTER_SLOTS", 4, 1));
        try (var offered = Main.class.getResourceAsStream("/capabilities.json")) {
            JsonFormat.parser().merge(new InputStreamReader(offered, StandardCharsets.UTF_8), state);
        }
        int graceMs = readSetting("YARDMASTER_GRACE_MS", 10_000, 0);
        Map<String, Attempt.Handler> handlers = Map.of(
                "echo", Capabilities::echo,
                "digest", Capabilities::digest,
                "count", Capabilities::count,
                "fail", Capabilities::fail);
        String url = readText("YARDMASTER_URL", "http://127.0.0.1:7420");
        String address = url.replaceFirst("^http://", "").replaceFirst("/$", "");
        if (url.equals(address) || !Connections.isAddress(address)) refuse("YARDMASTER_URL", "http://host:port", url);
        String token = readText("YARDMASTER_TOKEN", "");
        if (!token.matches("[!-~]*")) refuse("YARDMASTER_TOKEN", "printable ASCII", "something else");
        Session session = new Session(
                Connections.to(address, token),
                readText("YARDMASTER_AGENT_ID", "example-java"),
                state.build(),
                handlers);
        SIGNALS.forEach(signal -> Signal.handle(signal, caught -> {
            SIGNALS.forEach(other -> Signal.handle(other, SignalHandler.SIG_DFL)); // a second one ends the process at once
            session.leave("SIG" + caught.getName(), graceMs);
        }));
        session.run();
        System.exit(0);
    }

    private static String readText(String name, String otherwise) {
        String text = System.getenv(name);
        return text == null || text.isEmpty() ? otherwise : text;
    }

    private static int readSetting(String name, int otherwise, int least) {
        String text = readText(name, String.valueOf(otherwise));
        int number = text.matches("\\d{1,9}") ? Integer.parseInt(text) : -1;
        if (number < least) refuse(name, "a whole number from " + least, text);
        return number;
    }

    private static void refuse(String name, String expected, String text) {
        System.err.printf("cannot start: %s must be %s, not \"%s\"%n", name, expected, text);
        System.exit(2);
    }
}
