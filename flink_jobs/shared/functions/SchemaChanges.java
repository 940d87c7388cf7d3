package olympicstreaming;

import java.io.IOException;
import java.io.Serializable;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.apache.flink.cdc.connectors.shaded.org.apache.kafka.connect.data.Struct;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

/**
 * Statements that change captured tables: which the job follows, and which end it, because its topics would be wrong.
 *
 * <p>The binlog has the new structure of a table, but no changes of its rows: a topic keeps rows as they were written. A
 * table is compared with the structure that it had at the deployment.
 */
final class SchemaChanges implements Serializable {
    private static final long serialVersionUID = 1;
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String SCRATCH = "Deploy with start_from: scratch, which reads the tables again.";
    private static final String STATEMENT = "historyRecord";
    /** The names by which a column type of the connector and one of information_schema are the same. */
    private static final Map<String, String> SHAPES = new HashMap<>();

    static {
        put("integer", "tinyint", "smallint", "mediumint", "int", "integer", "bigint", "bool", "boolean");
        put("text", "char", "varchar", "tinytext", "text", "mediumtext", "longtext");
        put("bytes", "varbinary", "tinyblob", "blob", "mediumblob", "longblob");
        put("float", "float", "double", "real");
        put("decimal", "decimal", "numeric", "dec", "fixed");
    }

    private final String policy;
    private final Map<String, Map<String, String>> deployed = new HashMap<>();

    /** The policy is follow, stop or ignore. */
    SchemaChanges(String policy) {
        this.policy = policy;
    }

    /** Adds a column as it was at the deployment; the type is that of information_schema. */
    void addColumn(String table, String column, String type, int scale) {
        deployed.computeIfAbsent(table, name -> new LinkedHashMap<>()).put(column, shape(type, scale));
    }

    static boolean isOne(Struct change) {
        return change.schema().field(STATEMENT) != null;
    }

    /** Throws an exception that ends the job without a restart if a statement must not be followed. */
    void check(Struct change) throws IOException {
        if (policy.equals("ignore")) {
            return;
        }
        JsonNode record = JSON.readTree(change.getString(STATEMENT));
        Struct source = change.getStruct("source");
        String statement = record.path("ddl").asText();
        String problem = statement.trim().toUpperCase(Locale.ROOT).startsWith("TRUNCATE")
                ? "the binlog does not have the rows that it deleted, so the topic keeps them. " + SCRATCH
                : null;
        for (JsonNode table : record.path("tableChanges")) {
            String name = table.path("id").asText().replaceAll("^.*\\.\"|\"$", "");
            if (problem == null && deployed.containsKey(name) && table.path("type").asText().equals("ALTER")) {
                problem = difference(name, table.path("table").path("columns"));
            }
        }
        if (problem != null) {
            // Without a restart: the same statement would come again.
            throw new SuppressRestartsException(new IOException("the source ran " + statement + " ("
                    + source.getString("file") + ":" + source.getInt64("pos") + "): " + problem));
        }
    }

    /** Returns why the columns cannot be followed; null if they can. */
    private String difference(String table, JsonNode columns) {
        Map<String, String> before = deployed.get(table);
        Set<String> found = new HashSet<>();
        for (JsonNode column : columns) {
            String name = column.path("name").asText();
            found.add(name);
            String type = column.path("typeName").asText();
            String shape = shape(type, column.path("scale").asInt());
            if (!before.containsKey(name)) {
                if (policy.equals("stop")) {
                    return "column " + name + " of table " + table + " is new, and schema_changes is stop. Deploy again.";
                }
                if (!column.path("optional").asBoolean() || column.hasNonNull("defaultValueExpression")) {
                    return "column " + name + " of table " + table + " has a value in rows that are not written again, "
                            + "and they do not reach the topic. " + SCRATCH;
                }
                if (!column.path("charsetName").asText("null").matches("null|utf8|utf8mb3|utf8mb4|ascii")) {
                    return "column " + name + " of table " + table + " has the character set "
                            + column.path("charsetName").asText() + ". Deploy again, which prepares the job for it.";
                }
            } else if (!before.get(name).equals(shape)) {
                return "column " + name + " of table " + table + " has the type " + type + " now, and rows that are not "
                        + "written again do not. " + SCRATCH;
            }
        }
        for (String name : before.keySet()) {
            if (!found.contains(name)) {
                return "column " + name + " of table " + table + " was dropped or renamed, and rows that are not written "
                        + "again keep it on the topic. " + SCRATCH;
            }
        }
        return null;
    }

    /** Returns a type in which values have the same JSON. */
    private static String shape(String type, int scale) {
        String first = type.toLowerCase(Locale.ROOT).split("[ (]")[0];
        String shape = SHAPES.getOrDefault(first, first);
        return shape.equals("decimal") ? shape + " " + scale : shape;
    }

    private static void put(String shape, String... types) {
        for (String type : types) {
            SHAPES.put(type, shape);
        }
    }
}
