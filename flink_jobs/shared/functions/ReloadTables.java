package olympicstreaming;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.cdc.connectors.mysql.source.config.MySqlSourceConfigFactory;
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
 * Reads captured tables again on request, and emits their rows between the changes of the stream.
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
    private final TableChanges changes;
    private final transient MailboxExecutor mailbox;
    private transient Thread thread;
    private transient Reload reload;
    private transient long position;
    /** The outcomes of requests whose rows are not in a checkpoint yet, and those by the checkpoint they wait for. */
    private transient List<Change> unsaved;

    private transient NavigableMap<Long, List<Change>> saving;

    private ReloadTables(Factory factory, StreamOperatorParameters<Change> parameters, MailboxExecutor mailbox) {
        this.options = factory.options;
        this.mysql = factory.mysql;
        this.changes = factory.changes;
        this.mailbox = mailbox;
        setup(parameters.getContainingTask(), parameters.getStreamConfig(), parameters.getOutput());
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
                thread = new Thread(this::serveAll, "reloads of " + getOperatorName());
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
    private void serveAll() {
        Thread.currentThread().setContextClassLoader(getUserCodeClassloader());
        String topic = options.get("reloads");
        try {
            while (true) {
                try (ReloadRequests requests = new ReloadRequests(options.get("bootstrap_servers"), topic)) {
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
        } catch (ExecutionException | IOException error) {
            // What the task could not emit must fail it, and is emitted again after its restart.
            mailbox.execute(() -> {
                throw new IOException("rows that were read again could not be emitted", error);
            }, "reload");
        }
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
        long rows = 0;
        try {
            if (changes.keyColumns(request.table) == null) {
                throw new IOException("this job does not capture table " + request.table + ". Deploy it again.");
            }
            String topic = changes.topic(request.table);
            inTask(() -> reload = new Reload(topic, request.absent));
            long reported = System.nanoTime();
            try (TableReader reader = new TableReader(
                    mysql.createConfig(0), changes, options.get("mysql_database"), request.table, request.where)) {
                while (!reader.isComplete()) {
                    inTask(() -> {
                        reload.begin();
                        return null;
                    });
                    Reload.Part part = reader.next();
                    rows += part.rows.size();
                    inTask(() -> {
                        reload.add(part);
                        emitPart();
                        return null;
                    });
                    part.emitted.get();
                    if (System.nanoTime() - reported > REPORT_INTERVAL_NANOS) {
                        reported = System.nanoTime();
                        report(requests.report(request, "running", rows, 0, ""));
                    }
                }
            }
            long read = rows;
            inTask(() -> {
                for (ByteBuffer key : reload.absent()) {
                    emit(new Change(topic, key.array(), null));
                }
                return unsaved.add(requests.report(request, "done", read, reload.absent().size(), ""));
            });
        } catch (RejectedExecutionException error) {
            throw error;
        } catch (SQLException | IOException | RuntimeException error) {
            // A condition that is wrong, or a table that is gone, is not a reason to end the stream.
            LOG.warn("reload {} failed", request.id, error);
            report(requests.report(request, "failed", rows, 0, String.valueOf(error.getMessage())));
        }
        inTask(() -> reload = null);
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
        private final TableChanges changes;

        Factory(Map<String, String> options, MySqlSourceConfigFactory mysql, TableChanges changes) {
            this.options = new HashMap<>(options);
            this.mysql = mysql;
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
