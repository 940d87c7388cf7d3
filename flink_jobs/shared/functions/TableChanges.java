package olympicstreaming;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.typeinfo.TypeHint;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.cdc.connectors.shaded.org.apache.kafka.connect.data.Struct;
import org.apache.flink.cdc.connectors.shaded.org.apache.kafka.connect.source.SourceRecord;
import org.apache.flink.cdc.debezium.DebeziumDeserializationSchema;
import org.apache.flink.util.Collector;

/**
 * Changes of rows as topic, key and value; an empty value is a tombstone, because Flink's tuples cannot contain null.
 *
 * <p>The key is that of the options. The one of the connector is another one if a table does not have a primary key.
 */
final class TableChanges implements DebeziumDeserializationSchema<Tuple3<String, byte[], byte[]>> {
    private static final long serialVersionUID = 1;
    private static final byte[] TOMBSTONE = {};

    private final String prefix;
    private final Map<String, List<String>> keys = new HashMap<>();

    private final StoredTimes times;
    private final SchemaChanges schemaChanges;

    TableChanges(String prefix, StoredTimes times, SchemaChanges schemaChanges) {
        this.prefix = prefix;
        this.times = times;
        this.schemaChanges = schemaChanges;
    }

    void addKeyColumn(String table, String column) {
        keys.computeIfAbsent(table, name -> new ArrayList<>()).add(column);
    }

    @Override
    public void deserialize(SourceRecord record, Collector<Tuple3<String, byte[], byte[]>> out) throws IOException {
        Struct change = (Struct) record.value();
        if (SchemaChanges.isOne(change)) {
            schemaChanges.check(change);
            return;
        }
        String table = change.getStruct("source").getString("table");
        byte[] before = key(table, change.getStruct("before"));
        byte[] after = key(table, change.getStruct("after"));
        String topic = prefix + table;
        if (before != null && !Arrays.equals(before, after)) {
            out.collect(Tuple3.of(topic, before, TOMBSTONE));
        }
        if (after != null) {
            Struct row = change.getStruct("after");
            RowJson.Times found = (column, possible) -> times.find(table, row, keys.get(table), column, possible);
            out.collect(Tuple3.of(topic, after, RowJson.write(table, row, found)));
        }
    }

    private byte[] key(String table, Struct row) throws IOException {
        return row == null ? null : RowJson.write(table, row, keys.get(table), (column, possible) -> {
            throw new IOException("column " + column + " of table " + table + " is in its key, and the CDC connector "
                    + "reads one value for " + String.join(", ", possible) + ". Write times from 00:00:00 on.");
        });
    }

    @Override
    public TypeInformation<Tuple3<String, byte[], byte[]>> getProducedType() {
        return TypeInformation.of(new TypeHint<Tuple3<String, byte[], byte[]>>() {});
    }
}
