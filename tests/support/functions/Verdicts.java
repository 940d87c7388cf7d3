package olympicstreaming;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.util.Collector;

/**
 * What the job's functions make of records, for tests that compare them with the check.
 *
 * <p>Reads records from the standard input, each after its length (4 bytes). Writes one line for each: the reason why it
 * is invalid; or "=", then {@code id:text} of each valid element (text as hexadecimal UTF-8, "null" for null), then "!"
 * and the number of invalid ones.
 */
public final class Verdicts {
    private static final StringData COLUMNS =
            StringData.fromString("type STRING, data ARRAY, first_id INT OPTIONAL, NO OTHERS");

    public static void main(String[] arguments) throws Exception {
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in, 1 << 20));
        PrintStream out = new PrintStream(new BufferedOutputStream(System.out, 1 << 20), false, StandardCharsets.UTF_8);
        Last record = new Last();
        ReadJson json = new ReadJson();
        json.open(null);
        json.setCollector(record);
        Elements elements = new Elements();
        ReadElements lists = new ReadElements();
        lists.open(null);
        lists.setCollector(elements);
        for (byte[] bytes = next(in); bytes != null; bytes = next(in)) {
            json.eval(StringData.fromString("the record"), bytes, 65536, COLUMNS);
            out.println(verdict(record.row, lists, elements));
        }
        out.flush();
    }

    private static byte[] next(DataInputStream in) throws Exception {
        try {
            return in.readNBytes(in.readInt());
        } catch (EOFException end) {
            return null;
        }
    }

    private static String verdict(RowData row, ReadElements lists, Elements elements) throws Exception {
        if (!row.isNullAt(3)) {
            return row.getString(3).toString();
        }
        String type = row.getString(0).toString();
        int firstId = row.isNullAt(2) ? 1 : row.getInt(2);
        if (!type.equals("name") && !type.equals("nationality") && !type.equals("score") || firstId < 1) {
            return "type or first_id"; // the conditions of 20_read_records.sql
        }
        String elementType = type.equals("name") ? "STRING(255)" : type.equals("nationality") ? "STRING(100)" : "INT";
        elements.text = new StringBuilder("=");
        elements.invalid = 0;
        lists.eval(row.getString(1), StringData.fromString(elementType), firstId);
        return elements.text.append('!').append(elements.invalid).toString();
    }

    private static final class Last implements Collector<RowData> {
        private RowData row;

        @Override
        public void collect(RowData found) {
            row = found;
        }

        @Override
        public void close() {}
    }

    private static final class Elements implements Collector<RowData> {
        private StringBuilder text;
        private int invalid;

        @Override
        public void collect(RowData row) {
            if (row.isNullAt(0)) {
                invalid = row.getInt(2);
                return;
            }
            byte[] value = row.isNullAt(1) ? null : row.getString(1).toBytes();
            text.append(row.getInt(0)).append(':').append(value == null ? "null" : HexFormat.of().formatHex(value)).append(' ');
        }

        @Override
        public void close() {}
    }
}
