package olympicstreaming;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;
import org.apache.flink.util.Collector;

/**
 * Changes of rows, each of which has candidates, to changes of the first candidates of all; one instance.
 *
 * <p>The state has the candidates of each key. The best ones are also in memory, in order; they are read from the state
 * again when too many of them have left, and after a recovery.
 */
final class FirstRows extends KeyedProcessFunction<Boolean, Row, Row> {
    private static final long serialVersionUID = 1L;
    private static final int CACHED = 64;

    /** An order of rows of the key and the columns of a candidate. */
    interface Order extends Comparator<Row>, Serializable {}

    /** The key of a row. */
    interface Key extends Function<Row, Object>, Serializable {}

    /** The candidates of a row. */
    interface Candidates extends Function<Row, Row[]>, Serializable {}

    private final Key keyOf;
    private final Candidates candidatesOf;
    private final TypeInformation<Object> keyType;
    private final TypeInformation<Row[]> candidatesType;
    private final Order order;
    private final int count;
    private transient MapState<Object, Row[]> candidates;
    private transient List<Row> best;
    private transient boolean bestAreAll;
    private transient List<Row> published;

    FirstRows(
            Key keyOf,
            Candidates candidatesOf,
            TypeInformation<Object> keyType,
            TypeInformation<Row[]> candidatesType,
            Order order,
            int count) {
        this.keyOf = keyOf;
        this.candidatesOf = candidatesOf;
        this.keyType = keyType;
        this.candidatesType = candidatesType;
        this.order = order;
        this.count = count;
    }

    @Override
    public void open(Configuration parameters) {
        candidates = getRuntimeContext()
                .getMapState(new MapStateDescriptor<>("candidates", keyType, candidatesType));
    }

    @Override
    public void processElement(Row change, Context context, Collector<Row> out) throws Exception {
        if (change.getKind() == RowKind.UPDATE_BEFORE) {
            return; // the UPDATE_AFTER that follows has the key as well, and the state has the row
        }
        if (best == null) {
            findBest(); // what the state has was published before the checkpoint that it comes from
            published = first();
        }
        Object key = keyOf.apply(change);
        Row[] before = candidates.get(key);
        Row[] after = change.getKind() == RowKind.DELETE ? null : candidatesOf.apply(change);
        if (Arrays.equals(before, after)) {
            return;
        }
        if (after == null) {
            candidates.remove(key);
        } else {
            candidates.put(key, after);
        }
        replace(key, before, after);
        publish(out);
    }

    private void replace(Object key, Row[] before, Row[] after) throws Exception {
        if (before != null) {
            best.removeIf(row -> key.equals(row.getField(0)));
        }
        if (after != null) {
            Arrays.stream(after).map(candidate -> Row.join(Row.of(key), candidate)).forEach(this::insert);
        }
        if (best.size() < count && !bestAreAll) {
            findBest();
        }
    }

    private void insert(Row row) {
        int position = best.size();
        while (position > 0 && order.compare(row, best.get(position - 1)) < 0) {
            position--;
        }
        if (position < best.size() || bestAreAll) {
            best.add(position, row);
        }
        if (best.size() > CACHED) {
            best.remove(CACHED);
            bestAreAll = false;
        }
    }

    private void findBest() throws Exception {
        best = new ArrayList<>();
        bestAreAll = true;
        for (Map.Entry<Object, Row[]> entry : candidates.entries()) {
            for (Row candidate : entry.getValue()) {
                insert(Row.join(Row.of(entry.getKey()), candidate));
            }
        }
    }

    private List<Row> first() {
        return new ArrayList<>(best.subList(0, Math.min(count, best.size())));
    }

    private void publish(Collector<Row> out) {
        List<Row> rows = first();
        for (int i = 0; i < Math.max(rows.size(), published.size()); i++) {
            Row before = i < published.size() ? published.get(i) : null;
            Row after = i < rows.size() ? rows.get(i) : null;
            if (before != null && !before.equals(after)) {
                collect(out, after == null ? RowKind.DELETE : RowKind.UPDATE_BEFORE, i, before);
            }
            if (after != null && !after.equals(before)) {
                collect(out, before == null ? RowKind.INSERT : RowKind.UPDATE_AFTER, i, after);
            }
        }
        published = rows;
    }

    private static void collect(Collector<Row> out, RowKind kind, long index, Row row) {
        Row ranked = Row.join(Row.of(index + 1), row);
        ranked.setKind(kind);
        out.collect(ranked);
    }
}
