package olympicstreaming;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.catalog.DataTypeFactory;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.TableFunction;
import org.apache.flink.table.types.inference.InputTypeStrategies;
import org.apache.flink.table.types.inference.TypeInference;

/**
 * The typed fields of a JSON object, or the reason why it is not valid: the reader of every pipeline.
 *
 * <p>{@code READ_JSON(label, bytes, max_bytes, columns)} returns one row: the columns, and {@code reason}, which is
 * NULL if the bytes are valid. It starts with {@code label}, such as 'the value'. All columns of an invalid object are
 * NULL, and so is everything if {@code bytes} is NULL. After the last column, {@code NO OTHERS} forbids other names.
 * docs/records.md says which records are valid.
 *
 * <p>A table function and not a scalar one, because the planner calls a scalar function again for each use of a column.
 */
public class ReadJson extends TableFunction<RowData> {
    private static final long serialVersionUID = 1L;
    private static final String NO_OTHERS = ", NO OTHERS";

    private transient StrictJson json;
    private transient List<Column> columns;
    private transient Map<String, Integer> positions;
    private transient String allowed;
    private transient String[] problems;

    @Override
    public void open(FunctionContext context) {
        json = new StrictJson();
    }

    public void eval(StringData label, byte[] bytes, Integer maxBytes, StringData declaration) {
        if (columns == null) {
            prepare(declaration.toString());
        }
        GenericRowData row = new GenericRowData(columns.size() + 1);
        String reason = bytes == null ? null : read(label.toString(), bytes, maxBytes, row);
        if (reason != null) {
            row = new GenericRowData(columns.size() + 1);
            row.setField(columns.size(), StringData.fromString(reason));
        }
        collect(row);
    }

    /** Parses the declaration, which is a constant of the query, once. */
    private void prepare(String declaration) {
        columns = Column.parseList(withoutSuffix(declaration));
        problems = new String[columns.size()];
        positions = new HashMap<>();
        List<String> names = new ArrayList<>();
        for (Column column : columns) {
            positions.put(column.name, positions.size());
            names.add(column.name);
        }
        allowed = declaration.endsWith(NO_OTHERS) ? String.join(", ", names) : null;
    }

    private static String withoutSuffix(String declaration) {
        return declaration.endsWith(NO_OTHERS)
                ? declaration.substring(0, declaration.length() - NO_OTHERS.length())
                : declaration;
    }

    /** Fills the row, and returns the first reason why the bytes are invalid. */
    private String read(String label, byte[] bytes, int maxBytes, GenericRowData row) {
        if (bytes.length > maxBytes) {
            return label + " is larger than " + maxBytes + " bytes";
        }
        try {
            return readObject(label, bytes, row);
        } catch (InvalidRecordException error) {
            return label + " " + error.getMessage();
        }
    }

    private String readObject(String label, byte[] bytes, GenericRowData row) throws InvalidRecordException {
        boolean hasOthers = false;
        Arrays.fill(problems, null);
        json.open(bytes);
        JsonToken token = json.next();
        if (token == null) {
            throw new InvalidRecordException("is not JSON");
        }
        if (token != JsonToken.START_OBJECT) {
            json.skipValue();
            json.close();
            throw new InvalidRecordException("is not a JSON object");
        }
        for (int i = 0; i < problems.length; i++) {
            problems[i] = columns.get(i).isOptional ? null : "is missing from";
        }
        while (json.next() == JsonToken.FIELD_NAME) {
            Integer position = positions.get(json.tokenText());
            token = json.next();
            if (position == null) {
                hasOthers = true;
                json.skipValue();
            } else {
                readField(position, token, row);
            }
        }
        json.close();
        if (hasOthers && allowed != null) {
            return label + " has an unknown name; allowed are " + allowed;
        }
        return firstProblem(label);
    }

    private void readField(int position, JsonToken token, GenericRowData row) throws InvalidRecordException {
        try {
            row.setField(position, columns.get(position).read(json, token));
            problems[position] = null;
        } catch (Column.InvalidValueException error) {
            problems[position] = error.getMessage();
        }
    }

    private String firstProblem(String label) {
        for (int i = 0; i < problems.length; i++) {
            if (problems[i] != null) {
                boolean missing = problems[i].startsWith("is missing");
                String name = columns.get(i).name;
                return missing ? name + " is missing from " + label : name + " in " + label + " " + problems[i];
            }
        }
        return null;
    }

    @Override
    public TypeInference getTypeInference(DataTypeFactory types) {
        return TypeInference.newBuilder()
                .inputTypeStrategy(InputTypeStrategies.sequence(
                        InputTypeStrategies.explicit(DataTypes.STRING().notNull().bridgedTo(StringData.class)),
                        InputTypeStrategies.explicit(DataTypes.BYTES()),
                        InputTypeStrategies.explicit(DataTypes.INT().notNull()),
                        InputTypeStrategies.explicit(DataTypes.STRING().notNull().bridgedTo(StringData.class))))
                .outputTypeStrategy(call -> {
                    String declaration = call.getArgumentValue(3, String.class)
                            .orElseThrow(() -> new ValidationException("READ_JSON: the columns must be a literal."));
                    List<DataTypes.Field> fields = new ArrayList<>();
                    for (Column column : Column.parseList(withoutSuffix(declaration))) {
                        fields.add(DataTypes.FIELD(column.name, column.dataType()));
                    }
                    fields.add(DataTypes.FIELD("reason", DataTypes.STRING()));
                    return Optional.of(DataTypes.ROW(fields).notNull().bridgedTo(RowData.class));
                })
                .build();
    }
}
