package olympicstreaming;

import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.Table;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.types.Row;

/**
 * Views over streams of Flink's internal rows.
 *
 * <p>The planner plans a view anew for each stream that is made of it, down to the source. A shared view is planned
 * once: everything that reads it reads the same stream.
 */
public final class SharedView {
    private SharedView() {}

    /** Creates the view {@code name} with the rows of the view {@code source}, which is insert-only. */
    public static void create(StreamTableEnvironment environment, String source, String name) {
        DataType type = environment.from(source).getResolvedSchema().toPhysicalRowDataType();
        create(environment, name, toStream(environment, source, type.getLogicalType()), ChangelogMode.insertOnly());
    }

    /**
     * Creates the view {@code name} with the changes of the view {@code source}, whose rows {@code key} identifies, and
     * returns the stream of the changes for {@link TopN}.
     *
     * <p>Flink converts these rows to its external ones, so this is for the few rows after an aggregate.
     */
    public static DataStream<Row> createOfChanges(
            StreamTableEnvironment environment, String source, String name, String key) {
        Table table = environment.from(source);
        Schema.Builder schema = Schema.newBuilder().primaryKey(key);
        for (Column column : table.getResolvedSchema().getColumns()) {
            DataType type = column.getDataType();
            schema.column(column.getName(), column.getName().equals(key) ? type.notNull() : type);
        }
        DataStream<Row> changes = environment.toChangelogStream(table);
        environment.createTemporaryView(
                name, environment.fromChangelogStream(changes, schema.build(), ChangelogMode.all()));
        return changes;
    }

    /** Returns the rows of an insert-only view, without converting them. */
    static DataStream<RowData> toStream(StreamTableEnvironment environment, String view, LogicalType rowType) {
        DataType internal = DataTypes.of(rowType).notNull().bridgedTo(RowData.class);
        return environment.toDataStream(environment.from(view), internal);
    }

    /** Creates a view with the rows of a stream, without converting them; {@code key} identifies a row. */
    @SuppressWarnings({"unchecked", "rawtypes"}) // Flink declares the method for Row, and reads internal rows as well
    static void create(
            StreamTableEnvironment environment, String name, DataStream<RowData> rows, ChangelogMode mode, String... key) {
        Schema.Builder schema = Schema.newBuilder();
        if (key.length > 0) {
            schema.primaryKey(key);
        }
        DataStream<Row> typed = (DataStream<Row>) (DataStream) rows;
        environment.createTemporaryView(name, environment.fromChangelogStream(typed, schema.build(), mode));
    }
}
