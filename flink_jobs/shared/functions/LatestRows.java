package olympicstreaming;

import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.types.RowKind;
import org.apache.flink.util.Collector;

/**
 * Valid records, keyed by id, as a table: the last record of an id is its row, and a deletion forgets the id.
 *
 * <p>Flink's own ways either keep a deleted id forever (ROW_NUMBER), or let an invalid record remove the row
 * (upsert-kafka); docs/adr/0001. Here the state has one row for each row that exists.
 *
 * <p>The output is a changelog that {@link FirstOfGroup} reads: UPDATE_AFTER replaces a row whose group is the same; a
 * row that changes its group is a DELETE in the old group and an INSERT in the new one.
 */
final class LatestRows extends KeyedProcessFunction<Object, RowData, RowData> {
    private static final long serialVersionUID = 1L;

    private final InternalTypeInfo<RowData> rowType;
    private final RowData.FieldGetter group;
    private final int deleted;
    private transient ValueState<RowData> latest;

    /** {@code deleted} is the position of the column that is true for a deletion. */
    LatestRows(InternalTypeInfo<RowData> rowType, RowData.FieldGetter group, int deleted) {
        this.rowType = rowType;
        this.group = group;
        this.deleted = deleted;
    }

    @Override
    public void open(Configuration parameters) {
        latest = getRuntimeContext().getState(new ValueStateDescriptor<>("latest", rowType));
    }

    @Override
    public void processElement(RowData row, Context context, Collector<RowData> out) throws Exception {
        RowData previous = latest.value();
        if (row.getBoolean(deleted)) {
            if (previous != null) {
                latest.clear();
                Changelog.collect(out, RowKind.DELETE, previous);
            }
        } else if (previous == null) {
            latest.update(row);
            Changelog.collect(out, RowKind.INSERT, row);
        } else if (!previous.equals(row)) {
            latest.update(row);
            if (group.getFieldOrNull(previous).equals(group.getFieldOrNull(row))) {
                Changelog.collect(out, RowKind.UPDATE_AFTER, row);
            } else {
                Changelog.collect(out, RowKind.DELETE, previous);
                Changelog.collect(out, RowKind.INSERT, row);
            }
        }
    }
}
