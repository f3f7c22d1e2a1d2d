// Tries: to hold 1500 MiB outside of the heap, in direct buffers, and to start 3000 threads.
// Told by: ESCAPED above 1200 MiB or 300 threads.
import java.io.*;
import java.nio.ByteBuffer;
import java.util.*;
import java.util.regex.*;

class Memory {
    public static void main(String[] arguments) throws Exception {
        List<ByteBuffer> held = new ArrayList<>();
        int threads = 0;
        try {
            while (threads < 3000) {
                Thread rest = new Thread(null, () -> { try { Thread.sleep(3000); } catch (InterruptedException ended) { } }, "rest", 65536);
                rest.setDaemon(true);
                rest.start();
                threads++;
            }
        } catch (Throwable contained) {
            System.err.println(threads + " threads");
        }
        if (threads > 300) System.err.println("ESCAPED: " + threads + " threads");
        try {
            while (held.size() < 1500) {
                ByteBuffer block = ByteBuffer.allocateDirect(1 << 20);
                for (int place = 0; place < block.capacity(); place += 4096) block.put(place, (byte) 1);
                held.add(block);
            }
        } catch (Throwable contained) {
            System.err.println(held.size() + " MiB");
        }
        if (held.size() > 1200) System.err.println("ESCAPED: " + held.size() + " MiB");
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null;) {
            Matcher legal = Pattern.compile("\"legal\":\\[(\\d+)").matcher(line);
            if (legal.find()) System.out.println(legal.group(1));
        }
    }
}
