package olympicstreaming;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.UUID;
import org.apache.flink.runtime.leaderelection.LeaderElectionDriver;
import org.apache.flink.runtime.leaderelection.LeaderInformation;

/**
 * The leader is the process that has locked the file {@code lock}; the system releases the lock when the process ends.
 *
 * <p>Another JobManager waits for the lock and then takes over. The leader writes the address of each of its components
 * to a file, with an id of its own, so that nobody takes messages to an earlier leader for messages to this one.
 */
final class FileLeaderElection implements LeaderElectionDriver {
    private final Path folder;
    private final Listener listener;
    private final FileChannel channel;
    private volatile boolean leads;

    FileLeaderElection(Path folder, Listener listener) throws IOException {
        this.folder = folder;
        this.listener = listener;
        Files.createDirectories(folder);
        channel = FileChannel.open(folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        Thread thread = new Thread(this::lead, "file-leader-election");
        thread.setDaemon(true);
        thread.start();
    }

    static Path file(Path folder, String component) {
        return folder.resolve("leaders").resolve(component);
    }

    private void lead() {
        try {
            channel.lock();
            leads = true;
            listener.onGrantLeadership(UUID.randomUUID());
        } catch (ClosedChannelException closed) {
            // The process ends before it has become the leader.
        } catch (IOException error) {
            listener.onError(error);
        }
    }

    @Override
    public boolean hasLeadership() {
        return leads;
    }

    @Override
    public void publishLeaderInformation(String component, LeaderInformation leader) {
        String text = leader.getLeaderSessionID() + "\n" + leader.getLeaderAddress();
        try {
            AtomicFiles.write(file(folder, component), text.getBytes(StandardCharsets.UTF_8));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    @Override
    public void deleteLeaderInformation(String component) {
        try {
            AtomicFiles.delete(file(folder, component));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    @Override
    public void close() throws IOException {
        leads = false;
        channel.close();
    }
}
