package olympicstreaming;

/**
 * A change of a row as a record of its topic; a value of null is a tombstone.
 *
 * <p>Without a topic, it only tells that all changes before a position of the binlog have been emitted. Its fields are
 * public because Flink serializes it as a POJO.
 */
public final class Change {
    private static final int BITS_OF_OFFSET = 40;

    public String topic;
    public byte[] key;
    public byte[] value;
    public long position;

    public Change() {}

    Change(String topic, byte[] key, byte[] value) {
        this.topic = topic;
        this.key = key;
        this.value = value;
    }

    /** Returns that all changes before a position have been emitted. */
    static Change allBefore(String file, long offset) {
        Change passed = new Change();
        passed.position = position(file, offset);
        return passed;
    }

    boolean isPosition() {
        return topic == null;
    }

    /** Returns a position as a number that grows with it: the number of the file, and the offset in the file. */
    static long position(String file, long offset) {
        return Long.parseLong(file.substring(file.lastIndexOf('.') + 1)) << BITS_OF_OFFSET | offset;
    }
}
