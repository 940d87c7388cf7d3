package olympicstreaming;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.catalog.DataTypeFactory;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.TableFunction;
import org.apache.flink.table.types.inference.InputTypeStrategies;
import org.apache.flink.table.types.inference.TypeInference;

/**
 * The elements of a JSON list, a column ARRAY of READ_JSON.
 *
 * <p>{@code READ_ELEMENTS(list, type, first_id)} returns a row for each valid element: its {@code id}, counted from
 * {@code first_id}, and the {@code element_text}, NULL for null, which is valid. If elements are invalid, one more
 * row, without an id, has their number {@code invalid_elements} and the first 100 of them in {@code elements}, with
 * position (counted from 0) and reason. So a record of thousands of invalid elements becomes one quarantined record.
 */
public class ReadElements extends TableFunction<RowData> {
    private static final long serialVersionUID = 1L;
    private static final int MAX_LISTED = 100;

    private transient StrictJson json;
    private transient Map<String, Column> types;

    @Override
    public void open(FunctionContext context) {
        json = new StrictJson();
        types = new HashMap<>();
    }

    public void eval(StringData list, StringData type, Integer firstId) throws InvalidRecordException {
        if (list == null || type == null || firstId == null) {
            return;
        }
        Column column = types.computeIfAbsent(type.toString(), text -> Column.parse("element " + text));
        List<Object> invalid = new ArrayList<>();
        int count = 0;
        json.open(list.toBytes());
        json.next();
        JsonToken token = json.next();
        for (int position = 0; token != JsonToken.END_ARRAY; position++, token = json.next()) {
            try {
                Object element = token == JsonToken.VALUE_NULL ? null : column.read(json, token);
                long id = (long) firstId + position;
                if (id > Integer.MAX_VALUE) {
                    throw new Column.InvalidValueException("has an id larger than " + Integer.MAX_VALUE);
                }
                collect(GenericRowData.of((int) id, text(element), null, null));
            } catch (Column.InvalidValueException error) {
                count++;
                if (count <= MAX_LISTED) {
                    invalid.add(GenericRowData.of(position, StringData.fromString("the element " + error.getMessage())));
                }
            }
        }
        if (count > 0) {
            collect(GenericRowData.of(null, null, count, new GenericArrayData(invalid.toArray())));
        }
    }

    private static StringData text(Object element) {
        return element instanceof Integer ? StringData.fromString(element.toString()) : (StringData) element;
    }

    @Override
    public TypeInference getTypeInference(DataTypeFactory types) {
        return TypeInference.newBuilder()
                .inputTypeStrategy(InputTypeStrategies.sequence(
                        InputTypeStrategies.explicit(DataTypes.STRING().bridgedTo(StringData.class)),
                        InputTypeStrategies.explicit(DataTypes.STRING().bridgedTo(StringData.class)),
                        InputTypeStrategies.explicit(DataTypes.INT())))
                .outputTypeStrategy(call -> Optional.of(DataTypes.ROW(
                                DataTypes.FIELD("id", DataTypes.INT()),
                                DataTypes.FIELD("element_text", DataTypes.STRING()),
                                DataTypes.FIELD("invalid_elements", DataTypes.INT()),
                                DataTypes.FIELD(
                                        "elements",
                                        DataTypes.ARRAY(DataTypes.ROW(
                                                DataTypes.FIELD("position", DataTypes.INT()),
                                                DataTypes.FIELD("reason", DataTypes.STRING())))))
                        .notNull()
                        .bridgedTo(RowData.class)))
                .build();
    }
}
