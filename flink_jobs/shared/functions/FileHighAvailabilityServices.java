package olympicstreaming;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Executor;
import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.blob.BlobUtils;
import org.apache.flink.runtime.checkpoint.CheckpointRecoveryFactory;
import org.apache.flink.runtime.highavailability.AbstractHaServices;
import org.apache.flink.runtime.highavailability.FileSystemJobResultStore;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.jobmanager.DefaultJobGraphStore;
import org.apache.flink.runtime.jobmanager.JobGraphStore;
import org.apache.flink.runtime.jobmanager.JobGraphStoreUtil;
import org.apache.flink.runtime.jobmanager.JobGraphStoreWatcher;
import org.apache.flink.runtime.leaderretrieval.DefaultLeaderRetrievalService;
import org.apache.flink.runtime.leaderretrieval.LeaderRetrievalService;

/** Flink's services for high availability, with files in place of ZooKeeper's nodes or Kubernetes' ConfigMaps. */
final class FileHighAvailabilityServices extends AbstractHaServices {
    private final Path folder;

    FileHighAvailabilityServices(Configuration configuration, Path folder, Executor executor) throws IOException {
        super(
                configuration,
                listener -> new FileLeaderElection(folder, listener),
                executor,
                BlobUtils.createBlobStoreFromConfig(configuration),
                FileSystemJobResultStore.fromConfiguration(configuration, executor));
        this.folder = folder;
    }

    @Override
    protected LeaderRetrievalService createLeaderRetrievalService(String leader) {
        Path file = FileLeaderElection.file(folder, leader);
        return new DefaultLeaderRetrievalService((handler, errors) -> new FileLeaderRetrieval(file, handler, errors));
    }

    @Override
    protected CheckpointRecoveryFactory createCheckpointRecoveryFactory() {
        return new FileCheckpoints(folder, ioExecutor);
    }

    @Override
    protected JobGraphStore createJobGraphStore() throws IOException {
        return new DefaultJobGraphStore<>(
                new FileStore<JobGraph>(folder.resolve("jobs")), new NoWatcher(), new JobNames());
    }

    @Override
    protected void internalClose() {}

    @Override
    protected void internalCleanup() throws IOException {
        AtomicFiles.delete(folder);
    }

    @Override
    protected void internalCleanupJobData(JobID job) throws IOException {
        AtomicFiles.delete(FileLeaderElection.file(folder, getLeaderPathForJobManager(job)));
        FileCheckpoints.delete(folder, job);
    }

    @Override
    protected String getLeaderPathForResourceManager() {
        return "resource-manager";
    }

    @Override
    protected String getLeaderPathForDispatcher() {
        return "dispatcher";
    }

    @Override
    protected String getLeaderPathForJobManager(JobID job) {
        return "job-" + job;
    }

    @Override
    protected String getLeaderPathForRestServer() {
        return "rest";
    }

    /** Only the leader writes the graphs, so that there is nothing to watch. */
    private static final class NoWatcher implements JobGraphStoreWatcher {
        @Override
        public void start(JobGraphStore.JobGraphListener listener) {}

        @Override
        public void stop() {}
    }

    private static final class JobNames implements JobGraphStoreUtil {
        @Override
        public String jobIDToName(JobID job) {
            return job.toHexString();
        }

        @Override
        public JobID nameToJobID(String name) {
            return JobID.fromHexString(name);
        }
    }
}
