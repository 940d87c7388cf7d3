package olympicstreaming;

import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.runtime.persistence.IntegerResourceVersion;
import org.apache.flink.runtime.persistence.StateHandleStore;
import org.apache.flink.runtime.state.RetrievableStateHandle;
import org.apache.flink.util.InstantiationUtil;

/**
 * A store of Flink with one file for each entry.
 *
 * <p>Only the leader uses it, which {@link FileLeaderElection} ensures with a lock of the whole folder. So entries are not
 * locked, and their versions are not compared.
 */
final class FileStore<T extends Serializable> implements StateHandleStore<T, IntegerResourceVersion> {
    private final Path folder;

    FileStore(Path folder) {
        this.folder = folder;
    }

    @Override
    public RetrievableStateHandle<T> addAndLock(String name, T state) throws IOException, AlreadyExistException {
        if (exists(name).isExisting()) {
            throw new AlreadyExistException(folder.resolve(name) + " exists");
        }
        AtomicFiles.write(folder.resolve(name), InstantiationUtil.serializeObject(state));
        return new Entry<>(folder.resolve(name));
    }

    @Override
    public void replace(String name, IntegerResourceVersion version, T state) throws IOException, NotExistException {
        requireExisting(name);
        AtomicFiles.write(folder.resolve(name), InstantiationUtil.serializeObject(state));
    }

    @Override
    public IntegerResourceVersion exists(String name) {
        boolean found = folder.resolve(name).toFile().isFile();
        return found ? IntegerResourceVersion.valueOf(0) : IntegerResourceVersion.notExisting();
    }

    @Override
    public RetrievableStateHandle<T> getAndLock(String name) throws NotExistException {
        requireExisting(name);
        return new Entry<>(folder.resolve(name));
    }

    @Override
    public List<Tuple2<RetrievableStateHandle<T>, String>> getAllAndLock() throws IOException {
        List<Tuple2<RetrievableStateHandle<T>, String>> entries = new ArrayList<>();
        for (String name : getAllHandles()) {
            entries.add(Tuple2.of(new Entry<>(folder.resolve(name)), name));
        }
        return entries;
    }

    @Override
    public Collection<String> getAllHandles() throws IOException {
        return AtomicFiles.names(folder);
    }

    @Override
    public boolean releaseAndTryRemove(String name) throws IOException {
        AtomicFiles.delete(folder.resolve(name));
        return true;
    }

    @Override
    public void clearEntries() throws IOException {
        AtomicFiles.delete(folder);
    }

    @Override
    public void release(String name) {}

    @Override
    public void releaseAll() {}

    @Override
    public String toString() {
        return folder.toString();
    }

    private void requireExisting(String name) throws NotExistException {
        if (!exists(name).isExisting()) {
            throw new NotExistException(folder.resolve(name) + " does not exist");
        }
    }

    /** An entry that is read when it is needed. */
    private static final class Entry<T extends Serializable> implements RetrievableStateHandle<T> {
        private static final long serialVersionUID = 1L;
        private final String file;

        Entry(Path file) {
            this.file = file.toString();
        }

        @Override
        public T retrieveState() throws IOException, ClassNotFoundException {
            byte[] content = AtomicFiles.read(Path.of(file));
            if (content == null) {
                throw new IOException(file + " does not exist");
            }
            return InstantiationUtil.deserializeObject(content, Thread.currentThread().getContextClassLoader());
        }

        /** Deletes what the handle points to. */
        @Override
        public void discardState() throws IOException {
            AtomicFiles.delete(Path.of(file));
        }

        @Override
        public long getStateSize() {
            return Path.of(file).toFile().length();
        }
    }
}
