package olympicstreaming;

import io.debezium.spi.converter.CustomConverter;
import io.debezium.spi.converter.RelationalColumn;
import java.nio.charset.Charset;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Properties;
import java.util.Set;
import org.apache.flink.cdc.connectors.shaded.org.apache.kafka.connect.data.SchemaBuilder;

/**
 * Text of MySQL's character set latin1, which is windows-1252 with a character for each byte.
 *
 * <p>Java has no characters for five of them. They are common in text that was once UTF-8.
 */
public final class Latin1Text implements CustomConverter<SchemaBuilder, RelationalColumn> {
    /** The property with the columns, as {@code database.table.column} in lines. */
    static final String COLUMNS = "columns";

    private static final Charset WINDOWS = Charset.forName("windows-1252");
    private static final char UNKNOWN = '\uFFFD';

    private final Set<String> columns = new HashSet<>();

    @Override
    public void configure(Properties properties) {
        columns.addAll(Arrays.asList(properties.getProperty(COLUMNS, "").split("\n")));
    }

    @Override
    public void converterFor(RelationalColumn column, ConverterRegistration<SchemaBuilder> registration) {
        if (columns.contains(column.dataCollection() + "." + column.name())) {
            registration.register(SchemaBuilder.string().optional(), Latin1Text::text);
        }
    }

    private static Object text(Object value) {
        if (!(value instanceof byte[])) {
            return value; // text of the snapshot, which the server has converted
        }
        byte[] bytes = (byte[]) value;
        char[] characters = new String(bytes, WINDOWS).toCharArray();
        for (int i = 0; i < characters.length; i++) {
            characters[i] = characters[i] == UNKNOWN ? (char) (bytes[i] & 0xFF) : characters[i];
        }
        return new String(characters);
    }
}
