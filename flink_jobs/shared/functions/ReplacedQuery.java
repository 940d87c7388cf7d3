package olympicstreaming;

import com.mysql.cj.MysqlConnection;
import com.mysql.cj.Query;
import com.mysql.cj.interceptors.QueryInterceptor;
import com.mysql.cj.log.Log;
import com.mysql.cj.protocol.Resultset;
import com.mysql.cj.protocol.ServerSession;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;
import java.util.function.Supplier;

/** An interceptor of the driver's queries that runs another query in place of some of them. */
abstract class ReplacedQuery implements QueryInterceptor {
    private MysqlConnection connection;

    /** Returns the query to run in place of another one; null if that one is to run. */
    abstract String replacement(String query, MysqlConnection connection) throws SQLException;

    @Override
    public final QueryInterceptor init(MysqlConnection connection, Properties properties, Log log) {
        this.connection = connection;
        return this;
    }

    @Override
    @SuppressWarnings("unchecked") // the driver's result set is of this type
    public final <T extends Resultset> T preProcess(Supplier<String> sql, Query query) {
        String text = sql.get().trim();
        try {
            // All is decided before the other query, which reuses the buffer of this one.
            String replacement = replacement(text, connection);
            if (replacement == null) {
                return null;
            }
            Statement statement = ((Connection) connection).createStatement();
            statement.closeOnCompletion();
            return (T) statement.executeQuery(replacement);
        } catch (SQLException error) {
            throw new IllegalStateException("the query in place of " + text + " failed", error);
        }
    }

    @Override
    public final boolean executeTopLevelOnly() {
        return true;
    }

    @Override
    public final <T extends Resultset> T postProcess(
            Supplier<String> sql, Query query, T result, ServerSession session) {
        return null;
    }

    @Override
    public final void destroy() {}
}
