package olympicstreaming;

import com.mysql.cj.jdbc.Driver;
import java.io.IOException;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Collectors;
import org.apache.flink.cdc.connectors.shaded.org.apache.kafka.connect.data.Struct;

/**
 * Negative times of the binlog that the connector reads in one way although they differ, read from the database.
 *
 * <p>If the database has none of the possible times, the row has changed since, and its next change follows. Until
 * then the topic has one of the possible times.
 */
final class StoredTimes implements Serializable {
    private static final long serialVersionUID = 1;
    /** The binlog has a change a moment before other connections see it. */
    private static final int ATTEMPTS = 5;

    private static final int PAUSE_MS = 50;

    private final Map<String, String> options;
    private final MySqlLogin login;
    private transient Connection connection;

    StoredTimes(Map<String, String> options, MySqlLogin login) {
        this.options = new HashMap<>(options);
        this.login = login;
    }

    /** Returns the time of a column that is one of the possible ones. */
    String find(String table, Struct row, List<String> key, String column, List<String> possible) throws IOException {
        try {
            for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
                String stored = read(table, row, key, column);
                if (possible.contains(stored)) {
                    return stored;
                }
                Thread.sleep(PAUSE_MS);
            }
            return possible.get(0);
        } catch (SQLException error) {
            close();
            throw new IOException("column " + column + " of table " + table + " could not be read: " + error, error);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", error);
        }
    }

    private String read(String table, Struct row, List<String> key, String column) throws SQLException {
        String condition = key.stream().map(name -> quoted(name) + " = ?").collect(Collectors.joining(" AND "));
        String selected = "TIME_FORMAT(" + quoted(column) + ", '%H:%i:%s.%f')";
        String sql = "SELECT " + selected + " FROM " + quoted(table) + " WHERE " + condition;
        try (PreparedStatement statement = connection().prepareStatement(sql)) {
            for (int i = 0; i < key.size(); i++) {
                statement.setObject(i + 1, parameter(row.getWithoutDefault(key.get(i))));
            }
            try (ResultSet rows = statement.executeQuery()) {
                String time = rows.next() ? rows.getString(1) : null;
                return time == null ? null : time.replaceAll("\\.?0+$", "");
            }
        }
    }

    private static Object parameter(Object value) {
        if (value instanceof ByteBuffer) {
            ByteBuffer buffer = ((ByteBuffer) value).duplicate();
            byte[] bytes = new byte[buffer.remaining()];
            buffer.get(bytes);
            return bytes;
        }
        return value instanceof String && ((String) value).matches("\\d{4}-\\d\\d-\\d\\d [0-9:.]+Z")
                ? ((String) value).replace("Z", "") // a TIMESTAMP; the session is in UTC
                : value;
    }

    private Connection connection() throws SQLException {
        if (connection == null || !connection.isValid(1)) {
            close();
            Properties properties = login.driver();
            properties.setProperty("user", options.get("mysql_user"));
            properties.setProperty("allowPublicKeyRetrieval", "true");
            properties.setProperty("sessionVariables", "time_zone='+00:00'");
            properties.setProperty("connectTimeout", "10000");
            properties.setProperty("socketTimeout", "10000");
            String server = options.get("mysql_host") + ":" + options.get("mysql_port");
            String address = "jdbc:mysql://" + server + "/" + options.get("mysql_database");
            connection = new Driver().connect(address, properties);
        }
        return connection;
    }

    private void close() {
        try {
            if (connection != null) {
                connection.close();
            }
        } catch (SQLException error) {
            // A lost connection cannot be closed either.
        }
        connection = null;
    }

    private static String quoted(String name) {
        return "`" + name.replace("`", "``") + "`";
    }
}
