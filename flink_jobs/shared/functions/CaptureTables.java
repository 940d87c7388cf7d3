package olympicstreaming;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.cdc.connectors.mysql.source.MySqlSource;
import org.apache.flink.cdc.connectors.mysql.source.MySqlSourceBuilder;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.type.TypeReference;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.catalog.ObjectPath;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * A job that captures tables of one database: one reader of the binlog for all, and a compacted topic for each.
 *
 * <p>The key of a record has the columns of the table's key, the value all columns, and a deleted row is a tombstone.
 * At-least-once delivery is exact here, because upserts are idempotent.
 */
public final class CaptureTables {
    /** The largest request, and so the largest row; the topic's max.message.bytes is the limit that users set. */
    private static final int MAX_REQUEST_BYTES = 64 * 1024 * 1024;

    /** The interval at which the position of the binlog is known; a part of a reload waits for one. */
    private static final Duration HEARTBEAT = Duration.ofMillis(50);

    private CaptureTables() {}

    /**
     * Adds the job to the environment.
     *
     * <p>The option {@code mysql_tables} is a JSON object: by table an object with {@code key}, the columns of the
     * key, {@code split_by}, the column by whose ranges the snapshot is divided, {@code columns}, each a list of name,
     * type and scale, and {@code latin1}, the text columns of this character set. {@code schema_changes} is the policy.
     */
    public static void define(StreamExecutionEnvironment environment, Map<String, String> options) throws IOException {
        JsonNode tables = new ObjectMapper().readTree(options.get("mysql_tables"));
        MySqlLogin login = new MySqlLogin(options.get("mysql_password"), connectorProperties(options, tables));
        TableChanges changes = changes(options, login, tables);
        MySqlSource<Change> source = source(options, tables, changes);
        environment.getConfig().enableObjectReuse();
        environment
                .fromSource(new PositionedSource(source, login, changes), WatermarkStrategy.noWatermarks(), "tables")
                .uid("tables")
                .transform(
                        "reloads",
                        TypeInformation.of(Change.class),
                        new ReloadTables.Factory(options, source.getConfigFactory(), login, changes))
                .uid("reloads")
                .sinkTo(sink(options))
                .uid("topics")
                .name("topics");
    }

    private static TableChanges changes(Map<String, String> options, MySqlLogin login, JsonNode tables) {
        SchemaChanges schemaChanges = new SchemaChanges(options.get("schema_changes"));
        TableChanges changes =
                new TableChanges(options.get("topic_prefix"), new StoredTimes(options, login), schemaChanges);
        for (Iterator<Map.Entry<String, JsonNode>> all = tables.fields(); all.hasNext(); ) {
            Map.Entry<String, JsonNode> table = all.next();
            for (JsonNode column : table.getValue().get("key")) {
                changes.addKeyColumn(table.getKey(), column.asText());
            }
            for (JsonNode column : table.getValue().get("columns")) {
                schemaChanges.addColumn(
                        table.getKey(), column.get(0).asText(), column.get(1).asText(), column.get(2).asInt());
            }
        }
        return changes;
    }

    private static MySqlSource<Change> source(Map<String, String> options, JsonNode tables, TableChanges changes)
            throws IOException {
        String database = options.get("mysql_database");
        MySqlSourceBuilder<Change> builder = MySqlSource.builder();
        List<String> names = new ArrayList<>();
        for (Iterator<Map.Entry<String, JsonNode>> all = tables.fields(); all.hasNext(); ) {
            Map.Entry<String, JsonNode> table = all.next();
            names.add(literal(database) + "\\." + literal(table.getKey()));
            ObjectPath path = new ObjectPath(literal(database), literal(table.getKey()));
            builder.chunkKeyColumn(path, table.getValue().get("split_by").asText());
        }
        return builder.hostname(options.get("mysql_host"))
                .port(Integer.parseInt(options.get("mysql_port")))
                .username(options.get("mysql_user"))
                .password(options.get("mysql_password"))
                .databaseList(literal(database))
                .tableList(names.toArray(new String[0]))
                .serverId(options.get("server_ids"))
                .serverTimeZone("UTC")
                .splitSize(Integer.parseInt(options.get("split_rows")))
                .fetchSize(4096)
                // Otherwise the changes of all tables wait while a table that is added to the list is read.
                .scanNewlyAddedTableEnabled(false)
                .includeSchemaChanges(true)
                .heartbeatInterval(HEARTBEAT)
                .debeziumProperties(connectorProperties(options, tables))
                .jdbcProperties(driverProperties())
                .deserializer(changes)
                .build();
    }

    private static Properties connectorProperties(Map<String, String> options, JsonNode tables) throws IOException {
        List<String> latin1 = new ArrayList<>();
        for (Iterator<Map.Entry<String, JsonNode>> all = tables.fields(); all.hasNext(); ) {
            Map.Entry<String, JsonNode> table = all.next();
            for (JsonNode column : table.getValue().get("latin1")) {
                latin1.add(options.get("mysql_database") + "." + table.getKey() + "." + column.asText());
            }
        }
        Properties properties = new Properties();
        properties.putAll(properties(options, "mysql_properties"));
        // The interval at which the reader polls the binlog queue; the default was the largest part of the delay.
        properties.setProperty("poll.interval.ms", "10");
        properties.setProperty("max.batch.size", "8192");
        properties.setProperty("max.queue.size", "65536");
        // The interval at which a lost connection is detected and reopened; the default is a minute.
        properties.setProperty("connect.keep.alive.interval.ms", "2000");
        properties.setProperty("decimal.handling.mode", "precise");
        // Years of two digits are years of the first century, and not of this one.
        properties.setProperty("enable.time.adjuster", "false");
        properties.setProperty("converters", "times,latin1");
        properties.setProperty("times.type", TimeText.class.getName());
        properties.setProperty("latin1.type", Latin1Text.class.getName());
        properties.setProperty("latin1." + Latin1Text.COLUMNS, String.join("\n", latin1));
        return properties;
    }

    private static Properties driverProperties() {
        Properties properties = new Properties();
        // Without it, a job fails forever after a restart of a MySQL server that uses caching_sha2_password.
        properties.setProperty("allowPublicKeyRetrieval", "true");
        properties.setProperty(
                "queryInterceptors", BinaryLogStatus.class.getName() + "," + ExactSnapshot.class.getName());
        // Part of an URL, in which a plus is a space.
        properties.setProperty("sessionVariables", "time_zone='%2B00:00'");
        properties.setProperty("tinyInt1isBit", "false");
        properties.setProperty("yearIsDateType", "false");
        return properties;
    }

    /** Returns a name as a regular expression in a list that commas separate. */
    private static String literal(String name) {
        return name.replaceAll("[^A-Za-z0-9_]", "\\\\$0");
    }

    /** Returns the properties of an option that is a JSON object; none if the option is missing. */
    private static Map<String, String> properties(Map<String, String> options, String name) throws IOException {
        return new ObjectMapper()
                .readValue(options.getOrDefault(name, "{}"), new TypeReference<Map<String, String>>() {});
    }

    /** Returns the properties with which a Kafka client of the job logs in. */
    static Properties kafkaProperties(Map<String, String> options) throws IOException {
        Properties properties = new Properties();
        properties.putAll(JobTables.withProviders(properties(options, "kafka_properties")));
        return properties;
    }

    private static KafkaSink<Change> sink(Map<String, String> options) throws IOException {
        Properties properties = kafkaProperties(options);
        properties.setProperty("linger.ms", "5");
        properties.setProperty("batch.size", "131072");
        properties.setProperty("compression.type", "lz4");
        properties.setProperty("max.request.size", String.valueOf(MAX_REQUEST_BYTES));
        properties.setProperty("buffer.memory", String.valueOf(MAX_REQUEST_BYTES));
        return KafkaSink.<Change>builder()
                .setBootstrapServers(options.get("bootstrap_servers"))
                .setKafkaProducerConfig(properties)
                .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
                .setRecordSerializer(new Records())
                .build();
    }

    /** A change as a record of its topic. */
    static final class Records implements KafkaRecordSerializationSchema<Change> {
        private static final long serialVersionUID = 1;

        @Override
        public ProducerRecord<byte[], byte[]> serialize(
                Change change, KafkaSinkContext context, Long timestamp) {
            return new ProducerRecord<>(change.topic, change.key, change.value);
        }
    }
}
