package olympicstreaming;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collection;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.core.execution.RestoreMode;
import org.apache.flink.runtime.checkpoint.CheckpointIDCounter;
import org.apache.flink.runtime.checkpoint.CheckpointRecoveryFactory;
import org.apache.flink.runtime.checkpoint.CheckpointStoreUtil;
import org.apache.flink.runtime.checkpoint.CompletedCheckpoint;
import org.apache.flink.runtime.checkpoint.CompletedCheckpointStore;
import org.apache.flink.runtime.checkpoint.DefaultCompletedCheckpointStore;
import org.apache.flink.runtime.checkpoint.DefaultCompletedCheckpointStoreUtils;
import org.apache.flink.runtime.state.SharedStateRegistryFactory;
import org.apache.flink.util.concurrent.FutureUtils;

/** The completed checkpoints of each job, and the number of its next one, as files. */
final class FileCheckpoints implements CheckpointRecoveryFactory {
    private final Path folder;
    private final Executor executor;

    FileCheckpoints(Path folder, Executor executor) {
        this.folder = folder;
        this.executor = executor;
    }

    @Override
    public CompletedCheckpointStore createRecoveredCompletedCheckpointStore(
            JobID job, int maxRetained, SharedStateRegistryFactory registries, Executor ioExecutor, RestoreMode mode)
            throws Exception {
        FileStore<CompletedCheckpoint> store = new FileStore<>(checkpoints(folder, job));
        Names names = new Names();
        Collection<CompletedCheckpoint> completed =
                DefaultCompletedCheckpointStoreUtils.retrieveCompletedCheckpoints(store, names);
        return new DefaultCompletedCheckpointStore<>(
                maxRetained,
                store,
                names,
                completed,
                registries.create(ioExecutor, completed, mode),
                executor);
    }

    @Override
    public CheckpointIDCounter createCheckpointIDCounter(JobID job) {
        return new Counter(counter(folder, job));
    }

    /** Deletes what is kept of a job that has ended; its checkpoints themselves stay. */
    static void delete(Path folder, JobID job) throws IOException {
        AtomicFiles.delete(checkpoints(folder, job));
        AtomicFiles.delete(counter(folder, job));
    }

    private static Path checkpoints(Path folder, JobID job) {
        return folder.resolve("checkpoints").resolve(job.toHexString());
    }

    private static Path counter(Path folder, JobID job) {
        return folder.resolve("counters").resolve(job.toHexString());
    }

    /** Names of files whose order is that of the numbers. */
    private static final class Names implements CheckpointStoreUtil {
        @Override
        public String checkpointIDToName(long id) {
            return String.format("%019d", id);
        }

        @Override
        public long nameToCheckpointID(String name) {
            return Long.parseLong(name);
        }
    }

    /** A number that no checkpoint of the job has had, whichever JobManager took it. */
    private static final class Counter implements CheckpointIDCounter {
        private final Path file;
        private long next;

        Counter(Path file) {
            this.file = file;
        }

        @Override
        public synchronized void start() throws IOException {
            byte[] content = AtomicFiles.read(file);
            next = content == null ? INITIAL_CHECKPOINT_ID : Long.parseLong(new String(content, StandardCharsets.UTF_8));
        }

        @Override
        public synchronized CompletableFuture<Void> shutdown(JobStatus status) {
            try {
                if (status.isGloballyTerminalState()) {
                    AtomicFiles.delete(file);
                }
                return FutureUtils.completedVoidFuture();
            } catch (IOException error) {
                return FutureUtils.completedExceptionally(error);
            }
        }

        @Override
        public synchronized long getAndIncrement() throws IOException {
            long id = next;
            setCount(id + 1);
            return id;
        }

        @Override
        public synchronized long get() {
            return next;
        }

        @Override
        public synchronized void setCount(long count) throws IOException {
            AtomicFiles.write(file, Long.toString(count).getBytes(StandardCharsets.UTF_8));
            next = count;
        }
    }
}
