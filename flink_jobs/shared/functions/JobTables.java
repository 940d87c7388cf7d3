package olympicstreaming;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.table.api.internal.TableEnvironmentInternal;
import org.apache.flink.table.catalog.CatalogTable;
import org.apache.flink.table.operations.Operation;
import org.apache.flink.table.operations.ddl.CreateTableOperation;

/**
 * The tables of a job, with what the platform knows of its connections added.
 *
 * <p>A statement has neither login nor TLS, which differ from place to place. Tables of Kafka get the client properties
 * of the job as far as they do not set them, and tables of MySQL a connector that resolves references to secrets.
 */
public final class JobTables {
    private JobTables() {}

    /**
     * Runs a statement that creates a table, and returns whether it is one.
     *
     * <p>{@code mysql} are options of the connector without the prefix {@code debezium.}.
     */
    public static boolean create(
            TableEnvironmentInternal environment,
            String statement,
            Map<String, String> kafka,
            Map<String, String> mysql) {
        Operation operation = environment.getParser().parse(statement).get(0);
        if (!(operation instanceof CreateTableOperation)) {
            return false;
        }
        CreateTableOperation create = (CreateTableOperation) operation;
        CatalogTable table = create.getCatalogTable();
        environment.executeInternal(new CreateTableOperation(
                create.getTableIdentifier(),
                table.copy(options(table.getOptions(), kafka, mysql)),
                create.isIgnoreIfExists(),
                create.isTemporary()));
        return true;
    }

    private static Map<String, String> options(
            Map<String, String> stated, Map<String, String> kafka, Map<String, String> mysql) {
        Map<String, String> options = new HashMap<>(stated);
        String connector = stated.getOrDefault("connector", "");
        if (connector.equals("kafka") || connector.equals("upsert-kafka")) {
            withProviders(kafka).forEach((name, value) -> options.putIfAbsent("properties." + name, value));
        }
        if (connector.equals("mysql-cdc")) {
            options.put("connector", MySqlTableFactory.IDENTIFIER);
            mysql.forEach((name, value) -> options.putIfAbsent("debezium." + name, value));
        }
        return options;
    }

    /** Returns client properties with those that resolve their references; none for none. */
    static Map<String, String> withProviders(Map<String, String> kafka) {
        Map<String, String> properties = new HashMap<>(kafka);
        if (!kafka.isEmpty()) {
            properties.putAll(SecretFiles.PROVIDERS);
        }
        return properties;
    }
}
