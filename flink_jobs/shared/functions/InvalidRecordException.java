package olympicstreaming;

/** A record is invalid; the message is the rest of a sentence about it, such as "is not JSON". */
final class InvalidRecordException extends Exception {
    private static final long serialVersionUID = 1L;

    InvalidRecordException(String reason) {
        super(reason, null, false, false); // without a stack trace, which would cost more than the parsing
    }
}
