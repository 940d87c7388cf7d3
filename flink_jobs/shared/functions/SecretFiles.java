package olympicstreaming;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.config.ConfigData;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.ConfigTransformer;
import org.apache.kafka.common.config.provider.ConfigProvider;

/**
 * Secrets as files, which the processes of a job read when they connect: {@code ${secret:/folder:key}} stands for the
 * content of the file {@code key} in the folder.
 *
 * <p>So the job graph, which Flink stores, has references only. Kafka's own provider of folders leaves a reference to a
 * missing file as it is, and the login then fails with it as the password; this one names the file. As {@code quoted},
 * the value is escaped for the quotes of a JAAS configuration.
 */
public final class SecretFiles implements ConfigProvider {
    /** The client properties with which a Kafka client resolves references. */
    static final Map<String, String> PROVIDERS = providers();

    private boolean quoted;

    private static Map<String, String> providers() {
        Map<String, String> properties = new HashMap<>();
        properties.put("config.providers", "secret,quoted");
        properties.put("config.providers.secret.class", SecretFiles.class.getName());
        properties.put("config.providers.quoted.class", SecretFiles.class.getName());
        properties.put("config.providers.quoted.param.quoted", "true");
        return Collections.unmodifiableMap(properties);
    }

    /** Returns a text with its references replaced. */
    static String resolve(String text) {
        Map<String, String> one = Collections.singletonMap("value", text);
        return new ConfigTransformer(Collections.singletonMap("secret", new SecretFiles()))
                .transform(one)
                .data()
                .get("value");
    }

    @Override
    public void configure(Map<String, ?> parameters) {
        quoted = "true".equals(parameters.get("quoted"));
    }

    @Override
    public ConfigData get(String folder) {
        throw new ConfigException("a secret has a key. Expected ${secret:" + folder + ":key}. Add the key.");
    }

    @Override
    public ConfigData get(String folder, Set<String> keys) {
        Map<String, String> values = new HashMap<>();
        for (String key : keys) {
            String value = read(Paths.get(folder, key));
            values.put(key, quoted ? value.replace("\\", "\\\\").replace("\"", "\\\"") : value);
        }
        return new ConfigData(values);
    }

    private static String read(Path file) {
        try {
            String text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
            return text.endsWith("\n") ? text.substring(0, text.length() - 1) : text; // as editors and `echo` add it
        } catch (NoSuchFileException error) {
            throw new ConfigException("the secret " + file + " does not exist. Add the key " + file.getFileName()
                    + " to the Secret that is mounted there, or deploy again.");
        } catch (IOException error) {
            throw new ConfigException("the secret " + file + " cannot be read: " + error + ". Fix its owner or its mode.");
        }
    }

    @Override
    public void close() {}
}
