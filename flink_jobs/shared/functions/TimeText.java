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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import java.util.stream.Collectors;
import org.apache.flink.cdc.connectors.shaded.org.apache.kafka.connect.data.SchemaBuilder;

/**
 * Dates and times as text with as many digits of a second as are not zero; a TIMESTAMP is in UTC and ends with Z.
 *
 * <p>Without it, a date whose year, month or day is zero becomes the default value of its column, or 1970. It becomes
 * null here, also in a column that is NOT NULL.
 */
public final class TimeText implements CustomConverter<SchemaBuilder, RelationalColumn> {
    static final String SCHEMA = "olympicstreaming.TimeText";
    private static final String UNCLEAR = "one of: ";
    private static final Duration MARK = Duration.ofHours(1).plusNanos(100);
    /** What the connector adds to a negative TIME(1) to TIME(4), and to a TIME(5) or TIME(6), without a fraction. */
    private static final Duration NO_SHORT_FRACTION = Duration.ofNanos(Integer.MAX_VALUE);

    private static final Duration NO_LONG_FRACTION = Duration.ofNanos(1_048_576_000);

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

    /** Returns whether a text of this class has more than one possible time. */
    static boolean isUnclear(String text) {
        return text.startsWith(UNCLEAR);
    }

    /** Returns the possible times of an unclear text. */
    static List<String> possible(String text) {
        return Arrays.asList(text.substring(UNCLEAR.length()).split(", "));
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
        return time.toLocalDate() + " " + clock(time.getHour(), time.getMinute(), time.getSecond(), time.getNano());
    }

    /**
     * Returns a time, which can be negative.
     *
     * <p>A negative one of the snapshot is an hour further from zero, and has a seventh digit of the second as its
     * mark: see {@link ExactSnapshot}.
     */
    private static String time(Duration time) {
        if (!time.isNegative()) {
            return time(time, "");
        }
        Duration size = time.abs();
        if (size.toNanosPart() % 1000 == MARK.toNanosPart()) {
            return time(size.minus(MARK), "-");
        }
        List<Duration> possible = possible(size);
        String prefix = possible.size() == 1 ? "" : UNCLEAR;
        return possible.stream().map(each -> time(each, "-")).collect(Collectors.joining(", ", prefix, ""));
    }

    /**
     * Returns the sizes that a negative time of the binlog can have.
     *
     * <p>Its bits are those of a two's complement, of which the connector forgets to carry the last one if there is no
     * fraction: a whole minute has 63 seconds of the minute before, and a whole hour also 63 minutes of the hour
     * before. In place of no fraction it adds the largest one, if the type has fractions.
     */
    private static List<Duration> possible(Duration size) {
        int nanos = size.toNanosPart();
        boolean isWhole = nanos == NO_SHORT_FRACTION.toNanosPart();
        boolean canBeWhole = nanos == NO_LONG_FRACTION.toNanosPart();
        List<Duration> possible = new ArrayList<>();
        if (isWhole || canBeWhole) {
            Duration raw = size.minus(isWhole ? NO_SHORT_FRACTION : NO_LONG_FRACTION);
            possible.add(raw.plusSeconds(1));
            addCarried(raw, possible);
        } else if (nanos == 0) {
            addCarried(size, possible);
        }
        if (!isWhole) {
            possible.add(size);
        }
        return possible;
    }

    private static void addCarried(Duration raw, List<Duration> possible) {
        Duration minute = raw.minusSeconds(3);
        Duration hour = minute.minusMinutes(4);
        if (minute.toSecondsPart() == 0 && minute.toMinutesPart() != 0) {
            possible.add(minute);
        }
        if (hour.toSecondsPart() == 0 && hour.toMinutesPart() == 0 && hour.toHours() > 0) {
            possible.add(hour);
        }
    }

    private static String time(Duration size, String sign) {
        return sign + clock(size.toHours(), size.toMinutesPart(), size.toSecondsPart(), size.toNanosPart());
    }

    /** Returns a time of day, or a longer one; String.format would be many times slower. */
    private static String clock(long hours, int minutes, int seconds, int nanos) {
        return twoDigits(hours) + ":" + twoDigits(minutes) + ":" + twoDigits(seconds) + fraction(nanos);
    }

    private static String twoDigits(long number) {
        return number < 10 ? "0" + number : String.valueOf(number);
    }

    private static String fraction(int nanos) {
        // Rounded, because the connector calculates the fraction of a negative time with a double.
        int micros = (nanos + 500) / 1000;
        return micros == 0 ? "" : String.format(Locale.ROOT, ".%06d", micros).replaceAll("0+$", "");
    }
}
