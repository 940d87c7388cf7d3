package olympicstreaming;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.cdc.connectors.shaded.org.apache.kafka.connect.data.Struct;
import org.apache.flink.cdc.connectors.shaded.org.apache.kafka.connect.source.SourceRecord;
import org.apache.flink.cdc.debezium.DebeziumDeserializationSchema;
import org.apache.flink.util.Collector;

/**
 * Changes of rows as records of their topics.
 *
 * <p>The key is that of the options. The one of the connector is another one if a table does not have a primary key.
 */
final class TableChanges implements DebeziumDeserializationSchema<Change> {
    private static final long serialVersionUID = 1;

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

    Set<String> tables() {
        return keys.keySet();
    }

    /** Returns the columns of a table's key; null if the table is not captured. */
    List<String> keyColumns(String table) {
        return keys.get(table);
    }

    String topic(String table) {
        return prefix + table;
    }

    /** Returns a row as a record of its topic. */
    Change upsert(String table, Struct row) throws IOException {
        return upsert(table, key(table, row), row);
    }

    @Override
    public void deserialize(SourceRecord record, Collector<Change> out) throws IOException {
        Struct change = (Struct) record.value();
        if (SchemaChanges.isOne(change)) {
            schemaChanges.check(change);
            return;
        }
        String table = change.getStruct("source").getString("table");
        byte[] before = key(table, change.getStruct("before"));
        byte[] after = key(table, change.getStruct("after"));
        if (before != null && !Arrays.equals(before, after)) {
            out.collect(new Change(topic(table), before, null));
        }
        if (after != null) {
            out.collect(upsert(table, after, change.getStruct("after")));
        }
    }

    private Change upsert(String table, byte[] key, Struct row) throws IOException {
        RowJson.Times found = (column, possible) -> times.find(table, row, keys.get(table), column, possible);
        return new Change(topic(table), key, RowJson.write(table, row, found));
    }

    private byte[] key(String table, Struct row) throws IOException {
        return row == null ? null : RowJson.write(table, row, keys.get(table), (column, possible) -> {
            throw new IOException("column " + column + " of table " + table + " is in its key, and the CDC connector "
                    + "reads one value for " + String.join(", ", possible) + ". Write times from 00:00:00 on.");
        });
    }

    @Override
    public TypeInformation<Change> getProducedType() {
        return TypeInformation.of(Change.class);
    }
}
