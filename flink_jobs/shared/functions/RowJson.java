package olympicstreaming;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.flink.cdc.connectors.shaded.org.apache.kafka.connect.data.Field;
import org.apache.flink.cdc.connectors.shaded.org.apache.kafka.connect.data.Schema;
import org.apache.flink.cdc.connectors.shaded.org.apache.kafka.connect.data.Struct;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonFactory;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonGenerator;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;

/** A row of a table as JSON, exactly; docs/column-types.md is the mapping. */
final class RowJson {
    private static final JsonFactory JSON = new JsonFactory();

    private RowJson() {}

    /** Returns the right time of an unclear text of {@link TimeText}. */
    interface Times {
        String find(String column, List<String> possible) throws IOException;
    }

    /** Returns all columns of a row in their order. */
    static byte[] write(String table, Struct row, Times times) throws IOException {
        return write(table, row, row.schema().fields().stream().map(Field::name).collect(Collectors.toList()), times);
    }

    /** Returns some columns of a row. */
    static byte[] write(String table, Struct row, List<String> columns, Times times) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator json = JSON.createGenerator(bytes)) {
            json.writeStartObject();
            for (String column : columns) {
                json.writeFieldName(column);
                Schema schema = row.schema().field(column).schema();
                Object value = row.getWithoutDefault(column);
                if (value == null && !schema.isOptional()) {
                    // The connector only logs a value that it cannot convert, and goes on without it.
                    throw new IOException("column " + column + " of table " + table
                            + ": the CDC connector could not convert a value; its log has the reason. Fix the value.");
                }
                if (value != null && TimeText.SCHEMA.equals(schema.name()) && TimeText.isUnclear((String) value)) {
                    value = times.find(column, TimeText.possible((String) value));
                }
                write(json, schema, value);
            }
            json.writeEndObject();
        }
        return bytes.toByteArray();
    }

    private static void write(JsonGenerator json, Schema schema, Object value) throws IOException {
        String kind = schema.name() == null ? "" : schema.name();
        if (value == null) {
            json.writeNull();
        } else if (kind.equals("io.debezium.data.Json")) {
            copy((String) value, json);
        } else if (kind.equals("io.debezium.data.Bits")) {
            json.writeNumber(bits((byte[]) value));
        } else if (kind.equals("io.debezium.data.Enum")) {
            json.writeString(((String) value).replace("\\,", ",")); // the connector escapes it in values of the binlog
        } else if (kind.equals("io.debezium.time.Year")) {
            // The binlog has years since 1900, which is not a year of MySQL, with 0 for the year 0000.
            json.writeNumber(((Number) value).intValue() == 1900 ? 0 : ((Number) value).intValue());
        } else if (value instanceof Boolean) { // BIT(1); BOOL is an integer
            json.writeNumber((Boolean) value ? 1 : 0);
        } else if (value instanceof BigDecimal) {
            write(json, (BigDecimal) value, schema);
        } else if (value instanceof Float || value instanceof Double) {
            json.writeNumber(((Number) value).doubleValue());
        } else if (value instanceof Number) {
            json.writeNumber(((Number) value).longValue());
        } else if (value instanceof ByteBuffer) {
            json.writeString(base64(((ByteBuffer) value).duplicate()));
        } else if (value instanceof byte[]) {
            json.writeString(base64(ByteBuffer.wrap((byte[]) value)));
        } else if (value instanceof Struct) {
            writeGeometry(json, (Struct) value);
        } else {
            json.writeString((String) value);
        }
    }

    /** Writes a decimal as text, because a reader would make it a double; a BIGINT UNSIGNED is an integer. */
    private static void write(JsonGenerator json, BigDecimal value, Schema schema) throws IOException {
        if (!schema.parameters().containsKey("connect.decimal.precision")) {
            json.writeNumber(value.toBigIntegerExact());
        } else {
            json.writeString(value.toPlainString());
        }
    }

    private static void writeGeometry(JsonGenerator json, Struct geometry) throws IOException {
        Integer srid = geometry.getInt32("srid");
        json.writeStartObject();
        json.writeNumberField("srid", srid == null ? 0 : srid);
        json.writeStringField("wkb", base64(ByteBuffer.wrap(geometry.getBytes("wkb"))));
        json.writeEndObject();
    }

    private static String base64(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return Base64.getEncoder().encodeToString(bytes);
    }

    /** Returns the value of BIT(n), whose bytes are little-endian. */
    private static BigInteger bits(byte[] bytes) {
        byte[] bigEndian = new byte[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            bigEndian[i] = bytes[bytes.length - 1 - i];
        }
        return new BigInteger(1, bigEndian);
    }

    /** Copies a document, so that snapshot and binlog, which have different spaces, give the same text. */
    private static void copy(String document, JsonGenerator json) throws IOException {
        try (JsonParser parser = JSON.createParser(document)) {
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                if (token == JsonToken.VALUE_NUMBER_FLOAT) {
                    json.writeNumber(parser.getText()); // all digits, which a double may not have
                } else {
                    json.copyCurrentEvent(parser);
                }
            }
        }
    }
}
