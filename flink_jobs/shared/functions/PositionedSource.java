package olympicstreaming;

import java.io.IOException;
import org.apache.flink.api.connector.source.SourceOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.cdc.connectors.mysql.source.MySqlSource;
import org.apache.flink.cdc.connectors.mysql.source.config.MySqlSourceConfig;
import org.apache.flink.cdc.connectors.mysql.source.metrics.MySqlSourceReaderMetrics;
import org.apache.flink.cdc.connectors.mysql.source.offset.BinlogOffset;
import org.apache.flink.cdc.connectors.mysql.source.reader.MySqlRecordEmitter;
import org.apache.flink.cdc.connectors.mysql.source.reader.MySqlSourceReader;
import org.apache.flink.cdc.connectors.mysql.source.reader.MySqlSourceReaderContext;
import org.apache.flink.cdc.connectors.mysql.source.reader.MySqlSplitReader;
import org.apache.flink.cdc.connectors.mysql.source.split.MySqlSplit;
import org.apache.flink.cdc.connectors.mysql.source.split.MySqlSplitState;
import org.apache.flink.cdc.connectors.mysql.source.split.SourceRecords;
import org.apache.flink.cdc.connectors.mysql.source.utils.RecordUtils;
import org.apache.flink.cdc.connectors.mysql.source.utils.hooks.SnapshotPhaseHooks;
import org.apache.flink.cdc.connectors.shaded.org.apache.kafka.connect.source.SourceRecord;
import org.apache.flink.connector.base.source.reader.RecordsWithSplitIds;
import org.apache.flink.connector.base.source.reader.synchronization.FutureCompletingBlockingQueue;
import org.apache.flink.util.InstantiationUtil;

/**
 * The source of the CDC connector, which also returns the positions that its reader of the binlog has passed.
 *
 * <p>The connector keeps its heartbeats to itself. Without them, nothing is known of the reader's position while no
 * captured table changes.
 */
final class PositionedSource extends MySqlSourceWithSecrets<Change> {
    private static final long serialVersionUID = 1;

    private final TableChanges changes;

    PositionedSource(MySqlSource<Change> source, MySqlLogin login, TableChanges changes) {
        super(source, login);
        this.changes = changes;
    }

    @Override
    public SourceReader<Change, MySqlSplit> createReader(SourceReaderContext context)
            throws IOException, ClassNotFoundException {
        // As the connector creates it, but for the emitter, and for the structure of tables that are added to the list:
        // only the outer reader looks it up, so the changes of these tables are read, and no snapshot of them.
        login.apply(source.getConfigFactory());
        int subtask = context.getIndexOfSubtask();
        MySqlSourceConfig config = source.getConfigFactory().createConfig(subtask);
        MySqlSourceConfig withAddedTables = InstantiationUtil.clone(source.getConfigFactory())
                .scanNewlyAddedTableEnabled(true)
                .createConfig(subtask);
        MySqlSourceReaderMetrics metrics = new MySqlSourceReaderMetrics(context.metricGroup());
        metrics.registerMetrics();
        MySqlSourceReaderContext readerContext = new MySqlSourceReaderContext(context);
        return new MySqlSourceReader<>(
                new FutureCompletingBlockingQueue<RecordsWithSplitIds<SourceRecords>>(),
                () -> new MySqlSplitReader(config, subtask, readerContext, SnapshotPhaseHooks.empty()),
                new Emitter(changes, metrics, config.isIncludeSchemaChanges()),
                context.getConfiguration(),
                readerContext,
                withAddedTables);
    }

    /** Emits the position of each heartbeat. */
    private static final class Emitter extends MySqlRecordEmitter<Change> {
        Emitter(TableChanges changes, MySqlSourceReaderMetrics metrics, boolean includeSchemaChanges) {
            super(changes, metrics, includeSchemaChanges);
        }

        @Override
        protected void processElement(SourceRecord record, SourceOutput<Change> output, MySqlSplitState split)
                throws Exception {
            super.processElement(record, output, split);
            if (split.isBinlogSplitState() && RecordUtils.isHeartbeatEvent(record)) {
                BinlogOffset next = RecordUtils.getBinlogPosition(record);
                output.collect(Change.allBefore(next.getFilename(), next.getPosition()));
            }
        }
    }
}
