package olympicstreaming;

import com.mysql.cj.MysqlConnection;
import com.mysql.cj.ServerVersion;

/**
 * Makes CDC connectors up to 3.5 read MySQL 8.4 and later: an interceptor of the driver's queries.
 *
 * <p>These connectors ask for the position of the binlog with SHOW MASTER STATUS, which MySQL 8.4 has removed. Such a
 * server gets the new statement in its place, which returns the same columns. On other servers, and for all other
 * statements, it does nothing.
 */
public final class BinaryLogStatus extends ReplacedQuery {
    private static final String OLD = "SHOW MASTER STATUS";
    private static final String NEW = "SHOW BINARY LOG STATUS";
    private static final ServerVersion FIRST_WITHOUT_OLD = new ServerVersion(8, 4, 0);

    @Override
    String replacement(String query, MysqlConnection connection) {
        return OLD.equalsIgnoreCase(query) && lacksOld(connection) ? NEW : null;
    }

    private static boolean lacksOld(MysqlConnection connection) {
        ServerVersion version = connection.getSession().getServerSession().getServerVersion();
        return !version.toString().contains("MariaDB") && version.meetsMinimum(FIRST_WITHOUT_OLD);
    }
}
