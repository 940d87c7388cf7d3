package olympicstreaming;

import com.mysql.cj.MysqlConnection;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Makes the snapshot of CDC connectors read what is stored: an interceptor of the driver's queries.
 *
 * <p>The connector selects {@code *}, which lacks invisible columns. The server rounds the text of a FLOAT to six
 * digits, the driver fails on a DECIMAL ZEROFILL, and the connector loses the sign of a TIME such as -00:30:00. So the
 * columns are listed instead, a FLOAT is read as a DOUBLE, and a negative TIME as {@link TimeText} expects it.
 */
public final class ExactSnapshot extends ReplacedQuery {
    private static final Pattern SNAPSHOT =
            Pattern.compile("SELECT \\* FROM `((?:[^`]|``)+)`\\.`((?:[^`]|``)+)`(?: WHERE .*)?", Pattern.DOTALL);
    private static final String COLUMNS =
            "SELECT COLUMN_NAME, COLUMN_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? "
                    + "ORDER BY ORDINAL_POSITION";

    @Override
    String replacement(String query, MysqlConnection connection) throws SQLException {
        Matcher snapshot = SNAPSHOT.matcher(query);
        if (!snapshot.matches()) {
            return null;
        }
        String columns = columns((Connection) connection, unquoted(snapshot.group(1)), unquoted(snapshot.group(2)));
        return "SELECT " + columns + query.substring("SELECT *".length());
    }

    private static String columns(Connection connection, String database, String table) throws SQLException {
        List<String> columns = new ArrayList<>();
        try (PreparedStatement statement = connection.prepareStatement(COLUMNS)) {
            statement.setString(1, database);
            statement.setString(2, table);
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    String name = "`" + rows.getString(1).replace("`", "``") + "`";
                    columns.add(expression(name, rows.getString(2)) + " AS " + name);
                }
            }
        }
        return String.join(", ", columns);
    }

    /** Returns what is selected in place of a column, given its quoted name and its type. */
    private static String expression(String column, String type) {
        String kind = type.toLowerCase(Locale.ROOT);
        if (kind.startsWith("float") || kind.startsWith("double")) {
            return column + " * 1e0"; // a DOUBLE, and each FLOAT is one, too
        }
        if (kind.startsWith("time") && !kind.startsWith("timestamp")) {
            String negative = "CONCAT('-', HOUR(t) + 1, ':', MINUTE(t), ':', SECOND(t), '.', "
                    + "LPAD(MICROSECOND(t), 6, '0'), '1')";
            return "IF(" + column + " < 0, " + negative.replace("(t)", "(" + column + ")") + ", CAST(" + column
                    + " AS CHAR))";
        }
        if (kind.startsWith("year")) {
            return "IF(" + column + " = 0, 1900, " + column + " + 0)"; // as the binlog has the year 0000
        }
        if (kind.endsWith("zerofill")) { // the driver fails on the text of a decimal
            String number = kind.startsWith("decimal") ? kind.substring(0, kind.indexOf(')') + 1) : "UNSIGNED";
            return "CAST(" + column + " AS " + number + ")";
        }
        return column;
    }

    private static String unquoted(String name) {
        return name.replace("``", "`");
    }
}
