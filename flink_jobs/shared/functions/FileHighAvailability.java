package olympicstreaming;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.concurrent.Executor;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.HighAvailabilityOptions;
import org.apache.flink.configuration.IllegalConfigurationException;
import org.apache.flink.runtime.highavailability.ClientHighAvailabilityServices;
import org.apache.flink.runtime.highavailability.HighAvailabilityServices;
import org.apache.flink.runtime.highavailability.HighAvailabilityServicesFactory;
import org.apache.flink.runtime.highavailability.HighAvailabilityServicesUtils;
import org.apache.flink.runtime.highavailability.nonha.standalone.StandaloneClientHAServices;
import org.apache.flink.runtime.rpc.AddressResolution;

/**
 * High availability of a session cluster in a folder: a JobManager that starts again runs the jobs of the one that ended.
 *
 * <p>{@code high-availability.type} names this class. The folder is {@code <storageDir>/<cluster-id>} on a local disk or
 * volume that JobManagers and TaskManagers share, with file locks that end with their process. It has the graph of each
 * job, its completed checkpoints and the address of each leader.
 */
public final class FileHighAvailability implements HighAvailabilityServicesFactory {
    @Override
    public HighAvailabilityServices createHAServices(Configuration configuration, Executor executor) throws IOException {
        return new FileHighAvailabilityServices(configuration, folder(configuration), executor);
    }

    /** Clients use the address of their configuration, because they may not see the folder. */
    @Override
    public ClientHighAvailabilityServices createClientHAServices(Configuration configuration) throws Exception {
        return new StandaloneClientHAServices(
                HighAvailabilityServicesUtils.getWebMonitorAddress(
                        configuration, AddressResolution.TRY_ADDRESS_RESOLUTION));
    }

    private static Path folder(Configuration configuration) {
        String storage = configuration.get(HighAvailabilityOptions.HA_STORAGE_PATH);
        if (storage == null || !storage.startsWith("file:")) {
            throw new IllegalConfigurationException(
                    HighAvailabilityOptions.HA_STORAGE_PATH.key() + " is " + storage
                            + ". Expected the URI of a folder, such as file:///flink-data/ha.");
        }
        String cluster = configuration.get(HighAvailabilityOptions.HA_CLUSTER_ID);
        return Path.of(URI.create(storage)).resolve(cluster.replaceFirst("^/", ""));
    }
}
