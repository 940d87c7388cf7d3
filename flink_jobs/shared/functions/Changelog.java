package olympicstreaming;

import org.apache.flink.table.data.RowData;
import org.apache.flink.types.RowKind;
import org.apache.flink.util.Collector;

/** Changes of rows that are also in the state of a function. */
final class Changelog {
    private Changelog() {}

    /** Collects a row as a change; its kind is set only meanwhile, because rows in state are INSERTs. */
    static void collect(Collector<RowData> out, RowKind kind, RowData row) {
        row.setRowKind(kind);
        out.collect(row);
        row.setRowKind(RowKind.INSERT);
    }
}
