package olympicstreaming;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The requests to read a table again, from a topic that also has their outcomes.
 *
 * <p>The key of a record is the id of the request. The value is a JSON object with a {@code state}: {@code absent} with
 * {@code keys} in base64, zero or more times, then {@code requested} with {@code table} and {@code where}, and from the job
 * {@code running}, {@code done} or {@code failed}. The topic is always read from its beginning, so that a request
 * without an outcome is served again after a failure of the job.
 */
final class ReloadRequests implements AutoCloseable {
    /** A request; `where` is an empty text for the whole table. */
    static final class Request {
        final String id;
        final String table;
        final String where;
        final List<byte[]> absent;

        Request(String id, String table, String where, List<byte[]> absent) {
            this.id = id;
            this.table = table;
            this.where = where;
            this.absent = absent;
        }
    }

    private static final Logger LOG = LoggerFactory.getLogger(ReloadRequests.class);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration POLL = Duration.ofMillis(500);

    private final String topic;
    private final TopicPartition partition;
    private final KafkaConsumer<byte[], byte[]> consumer;
    private final Map<String, List<byte[]>> absent = new HashMap<>();
    private final Map<String, Request> pending = new LinkedHashMap<>();
    private long end = -1;

    ReloadRequests(Map<String, String> options) throws IOException {
        Properties properties = CaptureTables.kafkaProperties(options);
        properties.setProperty("bootstrap.servers", options.get("bootstrap_servers"));
        properties.setProperty("enable.auto.commit", "false");
        properties.setProperty("allow.auto.create.topics", "false");
        topic = options.get("reloads");
        partition = new TopicPartition(topic, 0);
        consumer = new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        consumer.assign(Collections.singletonList(partition));
        consumer.seekToBeginning(Collections.singletonList(partition));
    }

    /** Returns the oldest request without an outcome, after a moment; null if there is none. */
    Request next() {
        if (end < 0) {
            end = consumer.endOffsets(Collections.singletonList(partition)).get(partition);
        }
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
            if (record.key() != null && record.value() != null) {
                take(record);
            }
        }
        return consumer.position(partition) < end ? null : pending.values().stream().findFirst().orElse(null);
    }

    /** Forgets a request that has been served. */
    void remove(Request request) {
        pending.remove(request.id);
    }

    /** Returns a record with the state of a request. */
    Change report(Request request, String state, long rows, long deleted, String message) throws IOException {
        ObjectNode value = JSON.createObjectNode();
        value.put("state", state).put("rows", rows).put("deleted", deleted).put("message", message);
        return new Change(topic, request.id.getBytes(StandardCharsets.UTF_8), JSON.writeValueAsBytes(value));
    }

    private void take(ConsumerRecord<byte[], byte[]> record) {
        String id = new String(record.key(), StandardCharsets.UTF_8);
        JsonNode value;
        try {
            value = JSON.readTree(record.value());
        } catch (IOException error) {
            LOG.warn("offset {} of topic {} is not a request, and is skipped", record.offset(), topic, error);
            return;
        }
        String state = value.path("state").asText();
        if (state.equals("absent")) {
            List<byte[]> keys = absent.computeIfAbsent(id, name -> new ArrayList<>());
            value.path("keys").forEach(key -> keys.add(Base64.getDecoder().decode(key.asText())));
        } else if (state.equals("requested")) {
            List<byte[]> keys = absent.getOrDefault(id, Collections.emptyList());
            pending.put(id, new Request(id, value.path("table").asText(), value.path("where").asText(), keys));
        } else if (state.equals("done") || state.equals("failed")) {
            pending.remove(id);
            absent.remove(id);
        }
    }

    @Override
    public void close() {
        consumer.close(Duration.ZERO);
    }
}
