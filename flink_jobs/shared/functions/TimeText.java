package olympicstreaming;

import io.debezium.spi.converter.CustomConverter;
import io.debezium.spi.converter.RelationalColumn;
import java.sql.Timestamp;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.Locale;
import java.util.Properties;
import org.apache.flink.cdc.connectors.shaded.org.apache.kafka.connect.data.SchemaBuilder;

/**
 * Dates and times as text with as many digits of a second as are not zero; a TIMESTAMP is in UTC and ends with Z.
 *
 * <p>Without it, a date whose year, month or day is zero becomes the default value of its column, or 1970. It becomes
 * null here, also in a column that is NOT NULL.
 */
public final class TimeText implements CustomConverter<SchemaBuilder, RelationalColumn> {
    static final String SCHEMA = "olympicstreaming.TimeText";
    /** The connector logs exceptions of a converter and goes on without the value, so they are passed on as text. */
    private static final String INVALID = "invalid: ";
    private static final Duration MARK = Duration.ofHours(1).plusNanos(100);

    @Override
    public void configure(Properties properties) {}

    @Override
    public void converterFor(RelationalColumn column, ConverterRegistration<SchemaBuilder> registration) {
        String type = column.typeName().toUpperCase(Locale.ROOT);
        if (type.equals("DATE") || type.equals("TIME") || type.equals("DATETIME") || type.equals("TIMESTAMP")) {
            registration.register(
                    SchemaBuilder.string().name(SCHEMA).optional(), value -> text(value, type.equals("TIMESTAMP")));
        }
    }

    /** Returns a text of this class; IllegalArgumentException if the value could not be converted. */
    static String valid(String text) {
        if (text.startsWith(INVALID)) {
            throw new IllegalArgumentException(text.substring(INVALID.length()));
        }
        return text;
    }

    private static String text(Object value, boolean isInstant) {
        if (value instanceof LocalDate) {
            return value.toString();
        }
        if (value instanceof LocalDateTime) {
            return dateTime((LocalDateTime) value);
        }
        if (value instanceof Timestamp) { // of the snapshot, read in the time zone of this process
            return dateTime(((Timestamp) value).toLocalDateTime()) + (isInstant ? "Z" : "");
        }
        if (value instanceof ZonedDateTime) {
            Instant instant = ((ZonedDateTime) value).toInstant();
            // The binlog has the zero timestamp as the epoch, which is before the first valid one.
            return instant.equals(Instant.EPOCH)
                    ? null
                    : dateTime(LocalDateTime.ofInstant(instant, ZoneOffset.UTC)) + "Z";
        }
        if (value instanceof Duration) {
            return time((Duration) value);
        }
        return null; // no value, or the default value of a column, which nobody reads
    }

    private static String dateTime(LocalDateTime time) {
        return String.format(
                        Locale.ROOT,
                        "%s %02d:%02d:%02d",
                        time.toLocalDate(),
                        time.getHour(),
                        time.getMinute(),
                        time.getSecond())
                + fraction(time.getNano());
    }

    /**
     * Returns a time, which can be negative.
     *
     * <p>A negative one of the snapshot is an hour further from zero, and has a seventh digit of the second as its mark:
     * see {@link ExactSnapshot}. One of the binlog without a fraction is read wrongly by the connector if it is a whole
     * minute: -00:01:00 is the same as -00:01:03 then.
     */
    private static String time(Duration time) {
        boolean isMarked = time.isNegative() && time.toNanos() % 1000 != 0;
        Duration size = isMarked ? time.abs().minus(MARK) : time.abs();
        if (time.isNegative() && !isMarked && size.toNanosPart() == 0 && size.toSecondsPart() == 3) {
            return INVALID + "the CDC connector reads " + time(size, "-") + " in place of several negative times. "
                    + "Expected a time that is not negative. Write times from 00:00:00 on.";
        }
        return time(size, time.isNegative() ? "-" : "");
    }

    private static String time(Duration size, String sign) {
        return String.format(
                        Locale.ROOT,
                        "%s%02d:%02d:%02d",
                        sign,
                        size.toHours(),
                        size.toMinutesPart(),
                        size.toSecondsPart())
                + fraction(size.toNanosPart());
    }

    private static String fraction(int nanos) {
        return nanos == 0 ? "" : String.format(Locale.ROOT, ".%06d", nanos / 1000).replaceAll("0+$", "");
    }
}
