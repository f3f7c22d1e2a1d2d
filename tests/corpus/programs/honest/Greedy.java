// Plays the greatest legal integer, found by a pool of threads.
import java.io.*;
import java.util.*;
import java.util.regex.*;

class Greedy {
    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null;) {
            Matcher legal = Pattern.compile("\"legal\":\\[([-\\d,]+)\\]").matcher(line);
            if (legal.find())
                System.out.println(Arrays.stream(legal.group(1).split(",")).parallel().mapToLong(Long::parseLong).max().getAsLong());
        }
    }
}
