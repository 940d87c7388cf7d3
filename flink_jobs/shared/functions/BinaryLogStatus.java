package olympicstreaming;

import com.mysql.cj.MysqlConnection;
import com.mysql.cj.Query;
import com.mysql.cj.ServerVersion;
import com.mysql.cj.interceptors.QueryInterceptor;
import com.mysql.cj.log.Log;
import com.mysql.cj.protocol.Resultset;
import com.mysql.cj.protocol.ServerSession;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;
import java.util.function.Supplier;

/**
 * Makes CDC connectors up to 3.5 read MySQL 8.4 and later: an interceptor of the driver's queries.
 *
 * <p>These connectors ask for the position of the binlog with SHOW MASTER STATUS, which MySQL 8.4 has removed. Such a
 * server gets the new statement in its place, which returns the same columns. On other servers, and for all other
 * statements, it does nothing.
 */
public final class BinaryLogStatus implements QueryInterceptor {
    private static final String OLD = "SHOW MASTER STATUS";
    private static final String NEW = "SHOW BINARY LOG STATUS";
    private static final ServerVersion FIRST_WITHOUT_OLD = new ServerVersion(8, 4, 0);

    private MysqlConnection connection;

    @Override
    public QueryInterceptor init(MysqlConnection connection, Properties properties, Log log) {
        this.connection = connection;
        return this;
    }

    @Override
    public <T extends Resultset> T preProcess(Supplier<String> sql, Query query) {
        // All is decided before the other query, which reuses the buffer of this one.
        return OLD.equalsIgnoreCase(sql.get().trim()) && lacksOld() ? statusOf(connection) : null;
    }

    private boolean lacksOld() {
        ServerVersion version = connection.getSession().getServerSession().getServerVersion();
        return !version.toString().contains("MariaDB") && version.meetsMinimum(FIRST_WITHOUT_OLD);
    }

    @SuppressWarnings("unchecked") // the driver's result set is of this type
    private static <T extends Resultset> T statusOf(MysqlConnection connection) {
        try {
            Statement statement = ((Connection) connection).createStatement();
            statement.closeOnCompletion();
            return (T) statement.executeQuery(NEW);
        } catch (SQLException error) {
            throw new IllegalStateException(NEW + " failed", error);
        }
    }

    @Override
    public boolean executeTopLevelOnly() {
        return true;
    }

    @Override
    public <T extends Resultset> T postProcess(Supplier<String> sql, Query query, T result, ServerSession session) {
        return null;
    }

    @Override
    public void destroy() {}
}
