// Tries: to read and write outside, to start programs, to reach the network, to end others, to learn the machine; all by Java's own classes.
// Told by: ESCAPED for each. Alone: escapes.
import java.io.*;
import java.net.*;
import java.nio.file.*;
import java.util.regex.*;

class Escape {
    interface Attempt { void make() throws Exception; }

    static String targets = "";

    static String target(String key) {
        Matcher found = Pattern.compile("\"" + key + "\": *\"?([^\",}]*)").matcher(targets);
        return found.find() ? found.group(1) : "";
    }

    static void tried(String what, Attempt attempt) {
        try {
            attempt.make();
            System.err.println("ESCAPED: " + what);
        } catch (Exception | Error contained) {
            // as it should be
        }
    }

    static void must(boolean done) { if (!done) throw new IllegalStateException(); }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length > 0) targets = Files.readString(Path.of(arguments[0]));
        if (!target("canary_file").isEmpty()) {
            tried("read outside", () -> Files.readString(Path.of(target("canary_file"))));
            tried("wrote outside", () -> Files.writeString(Path.of(target("write_dir"), "made"), "x"));
            tried("network", () -> new Socket("127.0.0.1", Integer.parseInt(target("tcp"))).close());
            tried("ended the victim", () -> must(ProcessHandle.of(Long.parseLong(target("victim"))).get().destroy()));
        }
        tried("/etc/shadow", () -> Files.readString(Path.of("/etc/shadow")));
        tried("listens", () -> new ServerSocket(0).close());
        tried("sent a datagram", () -> {
            DatagramSocket socket = new DatagramSocket();
            socket.send(new DatagramPacket(new byte[1], 1, InetAddress.getLoopbackAddress(), 9));
        });
        tried("started a shell", () -> must(new ProcessBuilder("/bin/sh", "-c", "true").start().waitFor() == 0));
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null;) {
            Matcher legal = Pattern.compile("\"legal\":\\[(\\d+)").matcher(line);
            if (legal.find()) System.out.println(legal.group(1));
        }
    }
}
