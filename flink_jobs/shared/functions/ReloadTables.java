package olympicstreaming;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.cdc.connectors.mysql.source.config.MySqlSourceConfigFactory;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.api.operators.YieldingOperatorFactory;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InterruptException;

/**
 * Reads captured tables beside the stream, and emits their rows between its changes: again on request, and for the first
 * time if a table was added to the list after the job began.
 *
 * <p>A thread reads the requests and the tables, only next to the reader of the binlog, which is in one of the parallel
 * tasks. All that is emitted is emitted by the task. A request is done when its rows are in a checkpoint; if the job
 * fails before, it reads the table again.
 */
final class ReloadTables extends AbstractStreamOperator<Change> implements OneInputStreamOperator<Change, Change> {
    private static final long serialVersionUID = 1;
    private static final long RETRY_MS = 5_000;
    private static final long REPORT_INTERVAL_NANOS = 2_000_000_000L;

    private final Map<String, String> options;
    private final MySqlSourceConfigFactory mysql;
    private final MySqlLogin login;
    private final TableChanges changes;
    private final transient MailboxExecutor mailbox;
    private transient Thread thread;
    private transient Reload reload;
    private transient long position;
    /** The outcomes of requests whose rows are not in a checkpoint yet, and those by the checkpoint they wait for. */
    private transient List<Change> unsaved;

    private transient NavigableMap<Long, List<Change>> saving;

    /** The tables that were captured from their beginning, and those that were added and are still to be read. */
    private transient Set<String> captured;

    private transient Set<String> added;
    private transient ListState<String> state;

    private ReloadTables(Factory factory, StreamOperatorParameters<Change> parameters, MailboxExecutor mailbox) {
        this.options = factory.options;
        this.mysql = factory.mysql;
        this.login = factory.login;
        this.changes = factory.changes;
        this.mailbox = mailbox;
        setup(parameters.getContainingTask(), parameters.getStreamConfig(), parameters.getOutput());
    }

    @Override
    public void initializeState(StateInitializationContext context) throws Exception {
        super.initializeState(context);
        state = context.getOperatorStateStore().getUnionListState(new ListStateDescriptor<>("captured", String.class));
        captured = new TreeSet<>(changes.tables());
        added = new TreeSet<>();
        if (context.isRestored()) {
            Set<String> before = new HashSet<>();
            state.get().forEach(before::add);
            captured.retainAll(before);
            added.addAll(changes.tables());
            added.removeAll(before);
        }
    }

    @Override
    public void open() throws Exception {
        super.open();
        unsaved = new ArrayList<>();
        saving = new TreeMap<>();
    }

    @Override
    public void processElement(StreamRecord<Change> record) {
        Change change = record.getValue();
        if (change.isPosition()) {
            position = change.position;
            if (thread == null) {
                thread = new Thread(this::work, "reloads of " + getOperatorName());
                thread.setDaemon(true);
                thread.start();
            }
            emitPart();
            return;
        }
        if (reload != null) {
            reload.see(change);
        }
        output.collect(record);
    }

    private void emitPart() {
        Reload.Part part = reload == null ? null : reload.take(position);
        if (part != null) {
            part.rows.forEach(this::emit);
            part.emitted.complete(null);
        }
    }

    private void emit(Change change) {
        output.collect(new StreamRecord<>(change));
    }

    @Override
    public void snapshotState(StateSnapshotContext context) throws Exception {
        super.snapshotState(context);
        state.update(new ArrayList<>(captured));
        saving.put(context.getCheckpointId(), unsaved);
        unsaved = new ArrayList<>();
    }

    @Override
    public void notifyCheckpointComplete(long checkpoint) throws Exception {
        super.notifyCheckpointComplete(checkpoint);
        NavigableMap<Long, List<Change>> saved = saving.headMap(checkpoint, true);
        saved.values().forEach(outcomes -> outcomes.forEach(this::emit));
        saved.clear();
    }

    @Override
    public void close() throws Exception {
        if (thread != null) {
            thread.interrupt();
            thread.join();
        }
        super.close();
    }

    /** The work of the thread; the stream goes on while the requests cannot be read. */
    private void work() {
        Thread.currentThread().setContextClassLoader(getUserCodeClassloader());
        String topic = options.get("reloads");
        try {
            for (String table : added) {
                readAdded(table);
            }
            while (true) {
                try (ReloadRequests requests = new ReloadRequests(options)) {
                    serve(requests);
                } catch (InterruptException error) {
                    throw error;
                } catch (KafkaException error) {
                    LOG.warn("the requests of topic {} could not be read, and are read again", topic, error);
                    Thread.sleep(RETRY_MS);
                }
            }
        } catch (InterruptedException | InterruptException | RejectedExecutionException error) {
            LOG.info("the task ends, and with it the reloads");
        } catch (Exception error) {
            // Rows that could not be read or emitted must fail the task, and are read again after its restart.
            mailbox.execute(() -> {
                throw new IOException("a table could not be read beside the stream: " + error.getMessage(), error);
            }, "reload");
        }
    }

    private void readAdded(String table) throws Exception {
        LOG.info("table {} was added, and is read", table);
        long rows = read(table, "", Collections.emptyList(), read -> {});
        inTask(() -> {
            reload = null;
            return captured.add(table);
        });
        LOG.info("table {} was added: {} rows", table, rows);
    }

    private void serve(ReloadRequests requests) throws InterruptedException, ExecutionException, IOException {
        while (true) {
            ReloadRequests.Request request = requests.next();
            if (request != null) {
                serve(requests, request);
                requests.remove(request);
            }
        }
    }

    private void serve(ReloadRequests requests, ReloadRequests.Request request)
            throws InterruptedException, ExecutionException, IOException {
        LOG.info("reload {}: table {}, {}", request.id, request.table, request.where);
        try {
            if (changes.keyColumns(request.table) == null) {
                throw new IOException("this job does not capture table " + request.table + ". Deploy it again.");
            }
            long rows = read(request.table, request.where, request.absent,
                    read -> report(requests.report(request, "running", read, 0, "")));
            inTask(() -> {
                for (ByteBuffer key : reload.absent()) {
                    emit(new Change(reload.topic, key.array(), null));
                }
                return unsaved.add(requests.report(request, "done", rows, reload.absent().size(), ""));
            });
        } catch (RejectedExecutionException error) {
            throw error;
        } catch (SQLException | IOException | RuntimeException error) {
            // A condition that is wrong, or a table that is gone, is not a reason to end the stream.
            LOG.warn("reload {} failed", request.id, error);
            report(requests.report(request, "failed", 0, 0, String.valueOf(error.getMessage())));
        }
        inTask(() -> reload = null);
    }

    /** Reads a table part by part, and returns the number of its rows once the task has emitted the last part. */
    private long read(String table, String where, List<byte[]> absent, Progress progress)
            throws InterruptedException, ExecutionException, SQLException, IOException {
        Reload begun = new Reload(changes.topic(table), absent);
        inTask(() -> reload = begun);
        long rows = 0;
        long reported = System.nanoTime();
        login.apply(mysql);
        try (TableReader reader =
                new TableReader(mysql.createConfig(0), changes, options.get("mysql_database"), table, where)) {
            while (!reader.isComplete()) {
                inTask(() -> {
                    begun.begin();
                    return null;
                });
                Reload.Part part = reader.next();
                rows += part.rows.size();
                inTask(() -> {
                    begun.add(part);
                    emitPart();
                    return null;
                });
                part.emitted.get();
                if (System.nanoTime() - reported > REPORT_INTERVAL_NANOS) {
                    reported = System.nanoTime();
                    progress.report(rows);
                }
            }
        }
        return rows;
    }

    /** Is told how many rows have been read. */
    private interface Progress {
        void report(long rows) throws InterruptedException, ExecutionException, IOException;
    }

    private void report(Change change) throws InterruptedException, ExecutionException {
        inTask(() -> {
            emit(change);
            return null;
        });
    }

    private <T> T inTask(Callable<T> work) throws InterruptedException, ExecutionException {
        return mailbox.submit(work, "reload").get();
    }

    /** Creates the operator with the mailbox of its task. */
    static final class Factory extends AbstractStreamOperatorFactory<Change>
            implements OneInputStreamOperatorFactory<Change, Change>, YieldingOperatorFactory<Change> {
        private static final long serialVersionUID = 1;
        private final Map<String, String> options;
        private final MySqlSourceConfigFactory mysql;
        private final MySqlLogin login;
        private final TableChanges changes;

        Factory(
                Map<String, String> options, MySqlSourceConfigFactory mysql, MySqlLogin login, TableChanges changes) {
            this.options = new HashMap<>(options);
            this.mysql = mysql;
            this.login = login;
            this.changes = changes;
        }

        @Override
        @SuppressWarnings("unchecked") // the type of the operator is that of this factory
        public <T extends StreamOperator<Change>> T createStreamOperator(StreamOperatorParameters<Change> parameters) {
            return (T) new ReloadTables(this, parameters, getMailboxExecutor());
        }

        @Override
        @SuppressWarnings("rawtypes")
        public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader classLoader) {
            return ReloadTables.class;
        }
    }
}
