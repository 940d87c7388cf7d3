package olympicstreaming;

import io.debezium.connector.mysql.MySqlConnection;
import io.debezium.connector.mysql.MySqlDatabaseSchema;
import io.debezium.connector.mysql.MySqlPartition;
import io.debezium.connector.mysql.MySqlValueConverters;
import io.debezium.relational.Column;
import io.debezium.relational.Table;
import io.debezium.relational.TableId;
import io.debezium.util.ColumnUtils;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Calendar;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.apache.flink.cdc.connectors.mysql.debezium.DebeziumUtils;
import org.apache.flink.cdc.connectors.mysql.schema.MySqlSchema;
import org.apache.flink.cdc.connectors.mysql.source.config.MySqlSourceConfig;
import org.apache.flink.cdc.connectors.mysql.source.offset.BinlogOffset;

/**
 * Reads a table in parts of its key, each with the position of the binlog at which its rows were so.
 *
 * <p>A transaction is in the binlog a moment before other connections see its rows. So the rows are read with a shared
 * lock, which waits for such transactions, and the position is read while the lock is held. The lock needs no other
 * privilege than SELECT, is held for one part, and if it meets a lock of the application, the server cancels this one.
 */
final class TableReader implements AutoCloseable {
    private static final int MOST_ROWS = 8192;
    private static final long MOST_BYTES = 16L * 1024 * 1024;
    private static final int LOCK_WAIT_TIMEOUT = 1205;
    private static final int DEADLOCK = 1213;
    private static final int ATTEMPTS = 60;

    private final MySqlSourceConfig config;
    private final TableChanges changes;
    private final TableId id;
    private final String where;
    private final List<String> key;
    private final MySqlConnection session;
    private final Connection connection;
    private final int rowsOfPart;
    private Table table;
    private MySqlDatabaseSchema schema;
    /** The key of the last row that was read, in the form in which it is compared; null before the first part. */
    private List<Object> last;

    private boolean isComplete;

    /** Reads the rows for which a condition is true, or all if it is empty. */
    TableReader(MySqlSourceConfig config, TableChanges changes, String database, String table, String where)
            throws SQLException {
        this.config = config;
        this.changes = changes;
        this.where = where;
        id = new TableId(database, null, table);
        key = changes.keyColumns(table);
        session = DebeziumUtils.createMySqlConnection(config);
        connection = session.connection();
        connection.setAutoCommit(false);
        // Without locks of gaps, and of rows that the condition does not select.
        connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        try (Statement statement = connection.createStatement()) {
            statement.execute("SET SESSION innodb_lock_wait_timeout = 1");
        }
        readStructure();
        rowsOfPart = rowsOfPart();
        connection.commit();
    }

    boolean isComplete() {
        return isComplete;
    }

    /** Returns the next part; the last one is empty if no row is left. */
    Reload.Part next() throws SQLException, IOException {
        for (int attempt = 1; ; attempt++) {
            try {
                return read();
            } catch (SQLException error) {
                connection.rollback();
                boolean isLocked = error.getErrorCode() == LOCK_WAIT_TIMEOUT || error.getErrorCode() == DEADLOCK;
                if (!isLocked || attempt == ATTEMPTS) {
                    throw error;
                }
            }
        }
    }

    private Reload.Part read() throws SQLException, IOException {
        List<Object> upper = upperBound();
        List<Change> rows = new ArrayList<>();
        List<Object> bounds = new ArrayList<>();
        String condition = condition(bounds) + (upper == null ? "" : " AND NOT " + after(upper, bounds));
        String sql = "SELECT * FROM " + tableName() + " WHERE " + condition + " LOCK IN SHARE MODE";
        try (PreparedStatement statement = prepared(sql, bounds);
                ResultSet found = statement.executeQuery()) {
            if (found.getMetaData().getColumnCount() != table.columns().size()) {
                readStructure();
            }
            ColumnUtils.ColumnArray columns = ColumnUtils.toArray(found, table);
            while (found.next()) {
                Object[] values = new Object[columns.getGreatestColumnPosition()];
                for (int i = 0; i < columns.getColumns().length; i++) {
                    Column column = columns.getColumns()[i];
                    values[column.position() - 1] = value(found, i + 1, column);
                }
                rows.add(changes.upsert(id.table(), schema.schemaFor(id).valueFromColumnData(values)));
            }
        }
        BinlogOffset position = DebeziumUtils.currentBinlogOffset(session);
        connection.commit();
        last = upper;
        isComplete = upper == null;
        return new Reload.Part(rows, Change.position(position.getFilename(), position.getPosition()));
    }

    /** Returns a value as the snapshot of the connector reads it, which has no method for this. */
    private Object value(ResultSet rows, int number, Column column) throws SQLException {
        int type = column.jdbcType();
        if (type == Types.TINYINT || type == Types.SMALLINT) {
            return rows.getObject(number) == null ? null : rows.getInt(number);
        }
        if (type != Types.TIME && type != Types.DATE && type != Types.TIMESTAMP) {
            return rows.getObject(number);
        }
        byte[] bytes = rows.getBytes(number);
        if (bytes == null) {
            return null;
        }
        String text = new String(bytes, StandardCharsets.UTF_8);
        if (type == Types.TIME) {
            return MySqlValueConverters.stringToDuration(text);
        }
        if (type == Types.DATE) {
            return MySqlValueConverters.stringToLocalDate(text, column, table);
        }
        return MySqlValueConverters.containsZeroValuesInDatePart(text, column, table)
                ? null
                : rows.getTimestamp(number, Calendar.getInstance());
    }

    /** Returns the key of the last row of the next part; null if the part has the last row of the table. */
    private List<Object> upperBound() throws SQLException {
        String columns = key.stream().map(this::readable).collect(Collectors.joining(", "));
        String order = key.stream().map(this::comparable).collect(Collectors.joining(", "));
        List<Object> bounds = new ArrayList<>();
        String sql = "SELECT " + columns + " FROM " + tableName() + " WHERE " + condition(bounds) + " ORDER BY " + order
                + " LIMIT 1 OFFSET " + (rowsOfPart - 1);
        try (PreparedStatement statement = prepared(sql, bounds);
                ResultSet found = statement.executeQuery()) {
            if (!found.next()) {
                return null;
            }
            List<Object> values = new ArrayList<>();
            for (int i = 1; i <= key.size(); i++) {
                values.add(found.getObject(i));
            }
            return values;
        }
    }

    private String condition(List<Object> bounds) {
        String selected = where.isEmpty() ? "TRUE" : "(" + where + "\n)";
        return last == null ? selected : selected + " AND " + after(last, bounds);
    }

    /** Returns the condition that a row comes after a key; its first part is one that an index serves. */
    private String after(List<Object> values, List<Object> bounds) {
        String after = "FALSE";
        List<Object> parameters = new ArrayList<>();
        for (int i = key.size() - 1; i >= 0; i--) {
            String column = comparable(key.get(i));
            after = "(" + column + " > ? OR (" + column + " = ? AND " + after + "))";
            parameters.add(0, values.get(i));
            parameters.add(0, values.get(i));
        }
        bounds.add(values.get(0));
        bounds.addAll(parameters);
        return "(" + comparable(key.get(0)) + " >= ? AND " + after + ")";
    }

    /** Returns the expression by which a column of the key is ordered and compared. */
    private String comparable(String column) {
        String type = typeName(column);
        // The server orders these by their numbers, and compares them with text by their names.
        return type.startsWith("ENUM") || type.startsWith("SET") ? quoted(column) + " + 0" : quoted(column);
    }

    /** Returns the expression that gives a column of the key in a form that can be compared with it. */
    private String readable(String column) {
        String type = typeName(column);
        boolean isTime = type.startsWith("DATE") || type.startsWith("TIME");
        // The driver fails on the text of a DECIMAL ZEROFILL, and changes times.
        return isTime
                ? "CAST(" + quoted(column) + " AS CHAR)"
                : type.startsWith("DECIMAL") ? quoted(column) + " + 0" : comparable(column);
    }

    private String typeName(String column) {
        return table.columnWithName(column).typeName().toUpperCase(Locale.ROOT);
    }

    private PreparedStatement prepared(String sql, List<Object> parameters) throws SQLException {
        PreparedStatement statement = connection.prepareStatement(sql);
        for (int i = 0; i < parameters.size(); i++) {
            statement.setObject(i + 1, parameters.get(i));
        }
        return statement;
    }

    private void readStructure() throws SQLException {
        boolean isCaseSensitive = DebeziumUtils.isTableIdCaseSensitive(session);
        try (MySqlSchema reader = new MySqlSchema(config, isCaseSensitive)) {
            MySqlPartition partition = new MySqlPartition(config.getMySqlConnectorConfig().getLogicalName());
            table = reader.getTableSchema(partition, session, id).getTable();
        }
        schema = DebeziumUtils.createMySqlDatabaseSchema(config.getMySqlConnectorConfig(), isCaseSensitive);
        schema.refresh(table);
    }

    private int rowsOfPart() throws SQLException {
        String sql = "SELECT AVG_ROW_LENGTH FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?";
        List<Object> names = new ArrayList<>();
        Collections.addAll(names, id.catalog(), id.table());
        try (PreparedStatement statement = prepared(sql, names);
                ResultSet found = statement.executeQuery()) {
            long bytes = found.next() ? Math.max(found.getLong(1), 1) : 1;
            return (int) Math.max(1, Math.min(MOST_ROWS, MOST_BYTES / bytes));
        }
    }

    private String tableName() {
        return quoted(id.catalog()) + "." + quoted(id.table());
    }

    private static String quoted(String name) {
        return "`" + name.replace("`", "``") + "`";
    }

    @Override
    public void close() throws SQLException {
        session.close();
    }
}
