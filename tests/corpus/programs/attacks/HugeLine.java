// Tries: to fill the memory of its reader: one line without an end.
// Told by: the engine's memory or time; the match must end.
class HugeLine {
    public static void main(String[] arguments) throws Exception {
        byte[] block = new byte[1 << 20];
        java.util.Arrays.fill(block, (byte) '9');
        System.in.read();
        for (;;) System.out.write(block);
    }
}
