package olympicstreaming;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.runtime.typeutils.ExternalTypeInfo;
import org.apache.flink.table.types.DataType;
import org.apache.flink.types.Row;

/**
 * Views of the first rows of a stream of changes, which {@link SharedView#createOfChanges} returns.
 *
 * <p>Flink's own Top-N after an aggregate reads and writes all rows that it ranks as one value, for each change. With
 * two hundred groups and state on disk, that took three quarters of the job's time; docs/adr/0011. The state of these
 * views is in {@link FirstRows}.
 *
 * <p>An order is a list of columns with values that are not NULL, such as {@code score DESC, id}. No two rows may be
 * equal in all of them.
 */
public final class TopN {
    private final StreamTableEnvironment environment;
    private final DataStream<Row> changes;
    private final List<DataTypes.Field> fields;
    private final String key;

    private TopN(StreamTableEnvironment environment, DataStream<Row> changes, String key) {
        this.environment = environment;
        this.changes = changes;
        this.fields = fieldsOf(((ExternalTypeInfo<Row>) changes.getType()).getDataType());
        this.key = key;
    }

    /**
     * Creates the view {@code name} of the first {@code count} rows: {@code rank} from 1, {@code key}, which identifies
     * a row, and {@code columns}, such as {@code score, id}.
     */
    public static void createView(
            StreamTableEnvironment environment, DataStream<Row> changes,
            String key, String columns, String order, int count, String rank, String name) {
        TopN view = new TopN(environment, changes, key);
        List<DataTypes.Field> chosen = new ArrayList<>();
        List<Integer> positions = new ArrayList<>();
        for (String column : columns.split(", ")) {
            positions.add(view.position(column));
            chosen.add(view.fields.get(view.position(column)));
        }
        view.create(row -> new Row[] {Row.project(row, toArray(positions))}, chosen, order, count, rank, name);
    }

    /**
     * Creates the same of the rows that are in the column {@code elements}, of type ARRAY&lt;ROW&lt;...&gt;&gt;: {@code
     * rank} from 1, {@code key}, and the columns of an element.
     */
    public static void createViewOfElements(
            StreamTableEnvironment environment, DataStream<Row> changes,
            String key, String elements, String order, int count, String rank, String name) {
        TopN view = new TopN(environment, changes, key);
        int position = view.position(elements);
        DataType elementType = view.fields.get(position).getDataType().getChildren().get(0);
        view.create(row -> (Row[]) row.getField(position), fieldsOf(elementType), order, count, rank, name);
    }

    private void create(
            FirstRows.Candidates candidates, List<DataTypes.Field> candidateFields,
            String order, int count, String rank, String name) {
        DataTypes.Field keyField = fields.get(position(key));
        List<DataTypes.Field> output = new ArrayList<>(List.of(DataTypes.FIELD(rank, DataTypes.BIGINT().notNull()), keyField));
        output.addAll(candidateFields);
        List<String> columns = new ArrayList<>();
        output.stream().skip(1).map(DataTypes.AbstractField::getName).forEach(columns::add);
        int keyPosition = position(key);
        DataStream<Row> ranked = changes
                .keyBy((KeySelector<Row, Boolean>) row -> true)
                .process(new FirstRows(
                        row -> row.getField(keyPosition),
                        candidates,
                        ExternalTypeInfo.of(keyField.getDataType()),
                        ExternalTypeInfo.of(DataTypes.ARRAY(DataTypes.ROW(candidateFields))),
                        parseOrder(order, columns),
                        count))
                .returns(ExternalTypeInfo.<Row>of(DataTypes.ROW(output).notNull()))
                .setParallelism(1)
                .name("first rows of " + name)
                .uid("first-rows-of-" + name);
        Schema schema = Schema.newBuilder().primaryKey(rank).build();
        environment.createTemporaryView(name, environment.fromChangelogStream(ranked, schema, ChangelogMode.all()));
    }

    private int position(String column) {
        for (int i = 0; i < fields.size(); i++) {
            if (fields.get(i).getName().equals(column)) {
                return i;
            }
        }
        throw new IllegalArgumentException("column '" + column + "' does not exist: the columns are " + fields);
    }

    private static List<DataTypes.Field> fieldsOf(DataType rowType) {
        List<String> names = DataType.getFieldNames(rowType);
        List<DataType> types = DataType.getFieldDataTypes(rowType);
        List<DataTypes.Field> fields = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            fields.add(DataTypes.FIELD(names.get(i), types.get(i)));
        }
        return fields;
    }

    private static int[] toArray(List<Integer> numbers) {
        return numbers.stream().mapToInt(Integer::intValue).toArray();
    }

    /** Returns the order of rows that have these columns. */
    static FirstRows.Order parseOrder(String order, List<String> columns) {
        FirstRows.Order result = (left, right) -> 0;
        for (String each : order.split(", ")) {
            String[] words = each.split(" ");
            int position = columns.indexOf(words[0]);
            int sign = words.length == 2 && words[1].equals("DESC") ? -1 : 1;
            if (position < 0 || words.length > 2 || words.length == 2 && sign == 1) {
                throw new IllegalArgumentException("order '" + each + "': expected one of " + columns + ", or with DESC");
            }
            FirstRows.Order before = result;
            result = (left, right) -> {
                int found = before.compare(left, right);
                return found != 0 ? found : sign * compareValues(left.getField(position), right.getField(position));
            };
        }
        return result;
    }

    /** Compares as SQL does: texts by code point, which {@code String} does not. */
    @SuppressWarnings("unchecked")
    private static int compareValues(Object left, Object right) {
        if (left instanceof String) {
            return Arrays.compareUnsigned(
                    ((String) left).getBytes(StandardCharsets.UTF_8), ((String) right).getBytes(StandardCharsets.UTF_8));
        }
        return ((Comparable<Object>) left).compareTo(right);
    }
}
