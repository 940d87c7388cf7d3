package olympicstreaming;

import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * A table that is being read again, part by part, as the task that emits its rows sees it.
 *
 * <p>A part is emitted when all changes before it have been. A row that has changed since the part was requested is not
 * emitted: the change that has been emitted is as new as the row, or newer. So no old row follows a newer one.
 */
final class Reload {
    /** A part of the table: its rows, and the position of the binlog at which they were so. */
    static final class Part {
        final List<Change> rows;
        final long position;
        final CompletableFuture<Void> emitted = new CompletableFuture<>();

        Part(List<Change> rows, long position) {
            this.rows = rows;
            this.position = position;
        }
    }

    final String topic;

    private final Set<ByteBuffer> absent = new HashSet<>();
    private final Set<ByteBuffer> changed = new HashSet<>();
    private Part next;

    /** `absent` are the keys that the topic has and the table did not have; they are deleted if they are not seen. */
    Reload(String topic, List<byte[]> absent) {
        this.topic = topic;
        for (byte[] key : absent) {
            this.absent.add(ByteBuffer.wrap(key));
        }
    }

    /** A part is about to be read. */
    void begin() {
        changed.clear();
    }

    /** A change of the stream is emitted. */
    void see(Change change) {
        if (topic.equals(change.topic)) {
            ByteBuffer key = ByteBuffer.wrap(change.key);
            changed.add(key);
            absent.remove(key);
        }
    }

    void add(Part part) {
        next = part;
    }

    /** Returns the part that can be emitted now that all changes before a position have been; null if there is none. */
    Part take(long position) {
        if (next == null || next.position > position) {
            return null;
        }
        Part part = next;
        next = null;
        part.rows.forEach(row -> absent.remove(ByteBuffer.wrap(row.key)));
        part.rows.removeIf(row -> changed.contains(ByteBuffer.wrap(row.key)));
        return part;
    }

    /** Returns the keys that were neither in the table nor in the stream. */
    Set<ByteBuffer> absent() {
        return absent;
    }
}
