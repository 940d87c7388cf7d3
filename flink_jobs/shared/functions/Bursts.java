package olympicstreaming;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.operators.ProcessingTimeService.ProcessingTimeCallback;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.ChainingStrategy;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.runtime.typeutils.RowDataSerializer;

/**
 * Passes rows on at once while few arrive, and holds them back for up to a tenth of a second while many do.
 *
 * <p>An aggregate with mini-batches writes each group that has changed once for each batch, so that short batches of many
 * rows are most of its work. In front of it, this operator makes the batches longer, but only under load.
 *
 * <p>Rows are never held back over a checkpoint, so they are in no state.
 */
final class Bursts extends AbstractStreamOperator<RowData>
        implements OneInputStreamOperator<RowData, RowData>, BoundedOneInput, ProcessingTimeCallback {
    private static final long serialVersionUID = 1L;
    private static final long TICK_MS = 10;
    private static final int LONGEST_TICKS = 10;
    /** More rows than this in a tick are many. */
    private static final int FEW_ROWS = 25;
    private static final int MOST_HELD_ROWS = 20_000;

    private final RowDataSerializer serializer;
    private transient List<RowData> held;
    private transient int ticks;
    private transient int rowsOfTick;
    private transient boolean holds;

    Bursts(RowDataSerializer serializer) {
        this.serializer = serializer;
        chainingStrategy = ChainingStrategy.ALWAYS; // in the task of the operator before, without a copy in between
    }

    @Override
    public void open() throws Exception {
        super.open();
        held = new ArrayList<>();
        registerTimer();
    }

    @Override
    public void processElement(StreamRecord<RowData> record) {
        rowsOfTick++;
        holds = holds || rowsOfTick > FEW_ROWS;
        if (!holds) {
            output.collect(record);
            return;
        }
        held.add(serializer.copy(record.getValue())); // its kind changes after this call
        if (held.size() >= MOST_HELD_ROWS) {
            release();
        }
    }

    @Override
    public void onProcessingTime(long time) {
        ticks++;
        boolean few = rowsOfTick <= FEW_ROWS;
        if (few || ticks >= LONGEST_TICKS) {
            release();
        }
        holds = holds && !few;
        rowsOfTick = 0;
        registerTimer();
    }

    @Override
    public void prepareSnapshotPreBarrier(long checkpointId) {
        release();
    }

    @Override
    public void endInput() {
        release();
    }

    private void release() {
        StreamRecord<RowData> record = new StreamRecord<>(null);
        for (RowData row : held) {
            output.collect(record.replace(row));
        }
        held.clear();
        ticks = 0;
    }

    private void registerTimer() {
        long now = getProcessingTimeService().getCurrentProcessingTime();
        getProcessingTimeService().registerTimer(now + TICK_MS, this);
    }
}
