package olympicstreaming;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.types.DataType;

/**
 * A name that a JSON object must have, and the type of its value: {@code score INT} or {@code name STRING(255)}.
 *
 * <p>INT is an integer of 32 bits without fraction and exponent; STRING is a text, of at most so many characters; ARRAY
 * is a list, whose column is its JSON text. OPTIONAL after the type allows an object without the name.
 */
final class Column {
    private static final Pattern FORM = Pattern.compile("(\\w+) (INT|ARRAY|STRING(?:\\((\\d{1,9})\\))?)( OPTIONAL)?");
    private static final int LONGEST_INT = "-2147483648".length();

    final String name;
    final boolean isOptional;
    private final String type;
    private final int maxCharacters;

    private Column(String name, String type, int maxCharacters, boolean isOptional) {
        this.name = name;
        this.type = type;
        this.maxCharacters = maxCharacters;
        this.isOptional = isOptional;
    }

    /** Returns the columns of a list such as {@code id INT, name STRING}; ValidationException if it has another form. */
    static List<Column> parseList(String text) {
        List<Column> columns = new ArrayList<>();
        for (String declaration : text.split(", *")) {
            columns.add(parse(declaration));
        }
        return columns;
    }

    static Column parse(String declaration) {
        Matcher matcher = FORM.matcher(declaration);
        if (!matcher.matches()) {
            throw new ValidationException("The column '" + declaration
                    + "' is not valid. Expected a name and one of INT, STRING, STRING(length), ARRAY; then OPTIONAL or nothing.");
        }
        String type = matcher.group(2).replaceAll("\\(.*", "");
        int maxCharacters = matcher.group(3) == null ? Integer.MAX_VALUE : Integer.parseInt(matcher.group(3));
        return new Column(matcher.group(1), type, maxCharacters, matcher.group(4) != null);
    }

    DataType dataType() {
        return type.equals("INT") ? DataTypes.INT() : DataTypes.STRING();
    }

    /** Reads the value at the current token, and returns it as Flink's internal data; the error says what it is not. */
    Object read(StrictJson json, JsonToken token) throws InvalidRecordException, InvalidValueException {
        switch (type) {
            case "INT":
                if (token == JsonToken.VALUE_NUMBER_INT) {
                    return parseInt(json.tokenText());
                }
                json.skipValue();
                throw new InvalidValueException("is not a 32-bit integer");
            case "STRING":
                if (token == JsonToken.VALUE_STRING) {
                    return requireLength(json.tokenText());
                }
                json.skipValue();
                throw new InvalidValueException("is not a text");
            default:
                if (token == JsonToken.START_ARRAY) {
                    return StringData.fromString(json.readValue());
                }
                json.skipValue();
                throw new InvalidValueException("is not a list");
        }
    }

    private static Integer parseInt(String digits) throws InvalidValueException {
        // Anybody can write a number of a million digits.
        long value = digits.length() > LONGEST_INT ? Long.MAX_VALUE : Long.parseLong(digits);
        if (value != (int) value) {
            throw new InvalidValueException("is not a 32-bit integer");
        }
        return (int) value;
    }

    private StringData requireLength(String text) throws InvalidValueException {
        if (text.length() > maxCharacters && text.codePointCount(0, text.length()) > maxCharacters) {
            throw new InvalidValueException("is longer than " + maxCharacters + " characters");
        }
        return StringData.fromString(text);
    }

    /** One value is invalid, although the record is JSON. */
    static final class InvalidValueException extends Exception {
        private static final long serialVersionUID = 1L;

        InvalidValueException(String reason) {
            super(reason, null, false, false);
        }
    }
}
