package olympicstreaming;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.flink.runtime.leaderelection.LeaderInformation;
import org.apache.flink.runtime.leaderretrieval.LeaderRetrievalDriver;
import org.apache.flink.runtime.leaderretrieval.LeaderRetrievalEventHandler;
import org.apache.flink.runtime.rpc.FatalErrorHandler;
import org.apache.flink.util.concurrent.ExecutorThreadFactory;

/** Tells who the leader of a component is, from the file that {@link FileLeaderElection} writes. */
final class FileLeaderRetrieval implements LeaderRetrievalDriver {
    private static final long POLL_MILLIS = 200;

    private final Path file;
    private final LeaderRetrievalEventHandler handler;
    private final FatalErrorHandler errors;
    private final ScheduledExecutorService poller =
            Executors.newSingleThreadScheduledExecutor(new ExecutorThreadFactory("file-leader-retrieval"));
    private LeaderInformation last = LeaderInformation.empty();

    FileLeaderRetrieval(Path file, LeaderRetrievalEventHandler handler, FatalErrorHandler errors) {
        this.file = file;
        this.handler = handler;
        this.errors = errors;
        poller.scheduleWithFixedDelay(this::poll, 0, POLL_MILLIS, TimeUnit.MILLISECONDS);
    }

    private void poll() {
        try {
            LeaderInformation found = leader();
            if (!found.equals(last)) {
                last = found;
                handler.notifyLeaderAddress(found);
            }
        } catch (IOException | RuntimeException error) {
            errors.onFatalError(error);
        }
    }

    private LeaderInformation leader() throws IOException {
        byte[] content = AtomicFiles.read(file);
        if (content == null) {
            return LeaderInformation.empty();
        }
        String[] lines = new String(content, StandardCharsets.UTF_8).split("\n", 2);
        return LeaderInformation.known(UUID.fromString(lines[0]), lines[1]);
    }

    @Override
    public void close() {
        poller.shutdownNow();
    }
}
