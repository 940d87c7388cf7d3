package olympicstreaming;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonFactory;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParseException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.StreamReadFeature;

/**
 * The tokens of one JSON text, each checked against docs/records.md: I-JSON (RFC 7493) of at most 8 levels.
 *
 * <p>The text is decoded before it is parsed. A parser that is given bytes guesses their encoding, and would accept
 * UTF-16 and a byte order mark.
 */
final class StrictJson {
    static final int MAX_LEVELS = 8;

    private static final JsonFactory FACTORY = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES) // names come from anybody, and interned ones stay
            .build();

    private final CharsetDecoder utf8 = StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT);

    private CharBuffer text = CharBuffer.allocate(1024);
    private JsonParser parser;
    private boolean hasEscapes;
    private int levels;

    /** Starts with the first token of another text. */
    void open(byte[] bytes) throws InvalidRecordException {
        if (text.capacity() < bytes.length) {
            text = CharBuffer.allocate(bytes.length);
        }
        text.clear();
        utf8.reset();
        // Together with flush: a truncated character at the end is an error, too.
        if (utf8.decode(ByteBuffer.wrap(bytes), text, true).isError() || utf8.flush(text).isError()) {
            throw new InvalidRecordException("is not UTF-8");
        }
        text.flip();
        hasEscapes = contains(bytes, (byte) '\\');
        levels = 0;
        try {
            parser = FACTORY.createParser(text.array(), 0, text.length());
        } catch (IOException error) {
            throw new InvalidRecordException("is not JSON");
        }
    }

    /** Returns the next token, or null after the last one. */
    JsonToken next() throws InvalidRecordException {
        JsonToken token;
        try {
            token = parser.nextToken();
        } catch (JsonParseException error) {
            boolean twice = error.getOriginalMessage().startsWith("Duplicate field");
            throw new InvalidRecordException(twice ? "has a name twice in one object" : "is not JSON");
        } catch (IOException error) {
            throw new InvalidRecordException("is not JSON");
        }
        if (token == null) {
            return null;
        }
        if (token.isStructStart()) {
            levels++;
            if (levels > MAX_LEVELS) {
                throw new InvalidRecordException("has more than " + MAX_LEVELS + " levels");
            }
        } else if (token.isStructEnd()) {
            levels--;
        } else if (hasEscapes && (token == JsonToken.VALUE_STRING || token == JsonToken.FIELD_NAME)) {
            requireWholeCharacters(tokenText());
        }
        return token;
    }

    /** Returns the name, the text without its escapes, or the number of the current token as it is written. */
    String tokenText() throws InvalidRecordException {
        try {
            return parser.getText();
        } catch (IOException error) {
            throw new InvalidRecordException("is not JSON");
        }
    }

    /** Reads the value whose first token is the current one to its end, and returns it as it is written. */
    String readValue() throws InvalidRecordException {
        int begin = (int) parser.getTokenLocation().getCharOffset();
        skipValue();
        int end = (int) parser.getCurrentLocation().getCharOffset();
        return new String(text.array(), begin, end - begin);
    }

    /** Reads the value whose first token is the current one to its end. */
    void skipValue() throws InvalidRecordException {
        if (parser.currentToken().isStructStart()) {
            int outside = levels - 1;
            while (levels > outside) {
                if (next() == null) {
                    throw new InvalidRecordException("is not JSON");
                }
            }
        }
    }

    /** Checks that nothing but white space follows. */
    void close() throws InvalidRecordException {
        if (next() != null) {
            throw new InvalidRecordException("is not JSON");
        }
    }

    private static boolean contains(byte[] bytes, byte wanted) {
        for (byte found : bytes) {
            if (found == wanted) {
                return true;
            }
        }
        return false;
    }

    /** The escape \\ud800 alone is half of a surrogate pair: no character, and nothing that UTF-8 can hold. */
    private static void requireWholeCharacters(String text) throws InvalidRecordException {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                boolean pair = i + 1 < text.length() && Character.isSurrogatePair(text.charAt(i), text.charAt(i + 1));
                if (!pair) {
                    throw new InvalidRecordException("has half of a surrogate pair");
                }
                i++;
            }
        }
    }
}
