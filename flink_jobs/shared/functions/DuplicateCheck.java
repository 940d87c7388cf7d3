package olympicstreaming;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.util.OutputTag;

/** Views of a view of valid records: the first row of each group, and the others. */
public final class DuplicateCheck {
    private final StreamTableEnvironment environment;
    private final RowType columns;

    private DuplicateCheck(StreamTableEnvironment environment, RowType columns) {
        this.environment = environment;
        this.columns = columns;
    }

    /**
     * Creates the views {@code firsts} and {@code others} from the view {@code records}, which is insert-only.
     *
     * <p>A third view, {@code firsts_in_bursts}, has the same changes as {@code firsts}, for aggregates: {@link Bursts}.
     *
     * @param id the column that identifies a row, and whose lowest value is the first of a group
     * @param group the column whose value the rows of a group share
     * @param deleted the boolean column that is true in a record that deletes the row
     * @param firstId the additional column of {@code others}: the id of the first row
     */
    public static void createViews(
            StreamTableEnvironment environment,
            String records, String id, String group, String deleted, String firsts, String others, String firstId) {
        DataType type = environment.from(records).getResolvedSchema().toPhysicalRowDataType();
        DuplicateCheck check = new DuplicateCheck(environment, (RowType) type.getLogicalType());
        check.create(records, id, group, deleted, firsts, others, firstId);
    }

    private void create(
            String records, String id, String group, String deleted, String firsts, String others, String firstId) {
        // A row that exists has an id and a group; a record that deletes one does not have a group.
        RowType rowType = withNotNull(columns, id, group);
        InternalTypeInfo<RowData> rowInfo = InternalTypeInfo.of(rowType);
        InternalTypeInfo<RowData> otherInfo = InternalTypeInfo.of(withColumn(rowType, firstId, typeOf(rowType, id)));
        OutputTag<RowData> othersTag = new OutputTag<>("others", otherInfo);
        DataStream<RowData> input = SharedView.toStream(environment, records, columns);

        SingleOutputStreamOperator<RowData> output = input
                .keyBy(keyOf(rowType, id), infoOf(rowType, id))
                .process(new LatestRows(rowInfo, getter(rowType, group), rowType.getFieldIndex(deleted)))
                .returns(rowInfo)
                .name("latest rows")
                .uid("latest-rows-of-" + records)
                .keyBy(keyOf(rowType, group), infoOf(rowType, group))
                .process(new FirstOfGroup(rowInfo, infoOf(rowType, id), getter(rowType, id), othersTag))
                .returns(rowInfo)
                .name("first of group")
                .uid("first-of-group-of-" + records);

        DataStream<RowData> bursts = output.transform("bursts", rowInfo, new Bursts(rowInfo.toRowSerializer()))
                .uid("bursts-of-" + records);

        SharedView.create(environment, firsts, output, ChangelogMode.all(), group);
        SharedView.create(environment, firsts + "_in_bursts", bursts, ChangelogMode.all(), group);
        // With the group in its key, the sink keeps the order of an id whose row moves from group to group.
        SharedView.create(environment, others, output.getSideOutput(othersTag), ChangelogMode.all(), group, id);
    }

    private static KeySelector<RowData, Object> keyOf(RowType type, String column) {
        RowData.FieldGetter getter = getter(type, column);
        return getter::getFieldOrNull;
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static TypeInformation<Object> infoOf(RowType type, String column) {
        return (TypeInformation) InternalTypeInfo.of(typeOf(type, column));
    }

    private static RowData.FieldGetter getter(RowType type, String column) {
        return RowData.createFieldGetter(typeOf(type, column), type.getFieldIndex(column));
    }

    private static LogicalType typeOf(RowType type, String column) {
        return type.getTypeAt(type.getFieldIndex(column));
    }

    private static RowType withNotNull(RowType type, String... columns) {
        List<RowType.RowField> fields = new ArrayList<>();
        for (RowType.RowField field : type.getFields()) {
            boolean required = List.of(columns).contains(field.getName());
            fields.add(new RowType.RowField(field.getName(), required ? field.getType().copy(false) : field.getType()));
        }
        return new RowType(false, fields);
    }

    private static RowType withColumn(RowType type, String name, LogicalType columnType) {
        List<RowType.RowField> fields = new ArrayList<>(type.getFields());
        fields.add(new RowType.RowField(name, columnType));
        return new RowType(false, fields);
    }
}
