package olympicstreaming;

import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.utils.JoinedRowData;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.types.RowKind;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/**
 * Of the rows of a group, the first by id, and the others with the id of the first.
 *
 * <p>The output has the first row of each group, the side output {@code others} has the rest with one more column. Both
 * are complete changelogs. The state has each row once; a group with one row costs one state access for each record.
 */
final class FirstOfGroup extends KeyedProcessFunction<Object, RowData, RowData> {
    private static final long serialVersionUID = 1L;

    private final InternalTypeInfo<RowData> rowType;
    private final TypeInformation<Object> idType;
    private final RowData.FieldGetter id;
    private final OutputTag<RowData> othersTag;
    private transient ValueState<RowData> first;
    private transient MapState<Object, RowData> others;

    FirstOfGroup(
            InternalTypeInfo<RowData> rowType,
            TypeInformation<Object> idType,
            RowData.FieldGetter id,
            OutputTag<RowData> othersTag) {
        this.rowType = rowType;
        this.idType = idType;
        this.id = id;
        this.othersTag = othersTag;
    }

    @Override
    public void open(Configuration parameters) {
        first = getRuntimeContext().getState(new ValueStateDescriptor<>("first", rowType));
        others = getRuntimeContext().getMapState(new MapStateDescriptor<>("others", idType, rowType));
    }

    @Override
    public void processElement(RowData row, Context context, Collector<RowData> out) throws Exception {
        RowKind kind = row.getRowKind();
        row.setRowKind(RowKind.INSERT);
        RowData current = first.value();
        int order = current == null ? -1 : compare(row, current);
        if (kind == RowKind.DELETE) {
            if (order == 0) {
                removeFirst(current, context, out);
            } else {
                others.remove(idOf(row));
                collectOther(context, RowKind.DELETE, row, current);
            }
        } else if (current == null) {
            first.update(row);
            Changelog.collect(out, RowKind.INSERT, row);
        } else if (order == 0) {
            first.update(row);
            collectUpdate(out, current, row);
        } else if (order < 0) {
            putBefore(current, row, context, out);
        } else if (kind == RowKind.UPDATE_AFTER) {
            collectOther(context, RowKind.UPDATE_BEFORE, others.get(idOf(row)), current);
            others.put(idOf(row), row);
            collectOther(context, RowKind.UPDATE_AFTER, row, current);
        } else {
            others.put(idOf(row), row);
            collectOther(context, RowKind.INSERT, row, current);
        }
    }

    private void putBefore(RowData current, RowData row, Context context, Collector<RowData> out) throws Exception {
        first.update(row);
        collectUpdate(out, current, row);
        moveOthers(context, current, row);
        others.put(idOf(current), current);
        collectOther(context, RowKind.INSERT, current, row);
    }

    private void removeFirst(RowData current, Context context, Collector<RowData> out) throws Exception {
        RowData next = null;
        for (RowData other : others.values()) {
            next = next == null || compare(other, next) < 0 ? other : next;
        }
        if (next == null) {
            first.clear();
            Changelog.collect(out, RowKind.DELETE, current);
            return;
        }
        first.update(next);
        others.remove(idOf(next));
        collectOther(context, RowKind.DELETE, next, current);
        collectUpdate(out, current, next);
        moveOthers(context, current, next);
    }

    /** The others name the id of the first row, so all of them change with it. */
    private void moveOthers(Context context, RowData from, RowData to) throws Exception {
        for (RowData other : others.values()) {
            collectOther(context, RowKind.UPDATE_BEFORE, other, from);
            collectOther(context, RowKind.UPDATE_AFTER, other, to);
        }
    }

    private Object idOf(RowData row) {
        return id.getFieldOrNull(row);
    }

    @SuppressWarnings("unchecked")
    private int compare(RowData left, RowData right) {
        return ((Comparable<Object>) idOf(left)).compareTo(idOf(right));
    }

    private static void collectUpdate(Collector<RowData> out, RowData before, RowData after) {
        Changelog.collect(out, RowKind.UPDATE_BEFORE, before);
        Changelog.collect(out, RowKind.UPDATE_AFTER, after);
    }

    private void collectOther(Context context, RowKind kind, RowData row, RowData firstRow) {
        context.output(othersTag, new JoinedRowData(kind, row, GenericRowData.of(idOf(firstRow))));
    }
}
