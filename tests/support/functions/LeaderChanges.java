package olympicstreaming;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import org.apache.flink.types.Row;

/** Reads changes `+|- score id name` of one group, and writes the ids of the leaders after each change. */
public final class LeaderChanges {
    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        PrintStream out = new PrintStream(System.out, false);
        Leaders function = new Leaders();
        Leaders.State state = function.createAccumulator();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ");
            int score = Integer.parseInt(words[1]);
            int id = Integer.parseInt(words[2]);
            if (words[0].equals("+")) {
                function.accumulate(state, score, id, words[3]);
            } else {
                function.retract(state, score, id, words[3]);
            }
            StringBuilder ids = new StringBuilder();
            for (Row leader : function.getValue(state)) {
                ids.append(leader.getField(0)).append(',');
            }
            out.println(ids);
        }
        out.flush();
    }
}
