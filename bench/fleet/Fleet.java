import java.io.BufferedReader;
import java.io.InputStreamReader;

/**
 * Many instances of the example agent in Java in one process, each on a connection of its own. They have one agent id, which is in
 * the environment with the other settings of the example. Argument: how many. Runs from its source, with the jar of the example.
 *
 * Prints "loaded", dials when a line comes, and ends when its standard input does.
 */
final class Fleet {
    public static void main(String[] arguments) throws Exception {
        Class.forName("example.Main");
        System.out.println("loaded");
        var input = new BufferedReader(new InputStreamReader(System.in));
        input.readLine();
        for (int i = 0; i < Integer.parseInt(arguments[0]); i++) new Thread(Fleet::runInstance).start();
        input.readLine();
        Runtime.getRuntime().halt(0); // without a Goodbye from each
    }

    private static void runInstance() {
        try {
            example.Main.main(new String[0]);
        } catch (Exception error) {
            throw new IllegalStateException(error);
        }
    }
}
