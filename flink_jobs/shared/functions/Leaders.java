package olympicstreaming;

import java.util.Arrays;
import java.util.Comparator;
import java.util.Map;
import java.util.PriorityQueue;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.FunctionHint;
import org.apache.flink.table.api.dataview.MapView;
import org.apache.flink.table.functions.AggregateFunction;
import org.apache.flink.types.Row;

/**
 * {@code LEADERS(score, id, name)}: the three rows of a group with the highest scores, ties by the lower id.
 *
 * <p>Flink's Rank keeps the sorted rows of a group in one value, which a state backend on disk would read and write as
 * a whole for each record. Here each row is an entry of its own, and the 32 best ones are kept with the group. Only
 * when 30 of them have left, the entries are read to find the next ones.
 *
 * <p>A row is known by its name, and not by its id: the changes of one name arrive in order, while an id that moves from
 * one name to another can arrive under the new name before it leaves the old one.
 */
@FunctionHint(output = @DataTypeHint("ARRAY<ROW<id INT, name STRING, score INT>>"))
public class Leaders extends AggregateFunction<Row[], Leaders.State> {
    private static final long serialVersionUID = 1L;
    private static final int LEADERS = 3;
    private static final int CACHED = 32;

    /** The places of all rows by name; places and names of the best ones, in order; and the number of rows. */
    public static class State {
        @DataTypeHint("MAP<STRING NOT NULL, BIGINT NOT NULL>")
        public MapView<String, Long> places = new MapView<>();

        public long[] best = new long[0];
        public String[] bestNames = new String[0];
        public long rows;
    }

    @Override
    public State createAccumulator() {
        return new State();
    }

    public void accumulate(State state, Integer score, Integer id, String name) throws Exception {
        long place = place(score, id);
        state.places.put(name, place);
        boolean knowsAll = state.best.length == state.rows;
        if (knowsAll || place < state.best[state.best.length - 1]) {
            insert(state, place, name);
        }
        state.rows++;
    }

    public void retract(State state, Integer score, Integer id, String name) throws Exception {
        state.places.remove(name);
        state.rows--;
        remove(state, place(score, id), name);
        if (state.best.length < LEADERS && state.rows > state.best.length) {
            findBest(state);
        }
    }

    @Override
    public Row[] getValue(State state) {
        Row[] leaders = new Row[Math.min(LEADERS, state.best.length)];
        for (int i = 0; i < leaders.length; i++) {
            leaders[i] = Row.of(id(state.best[i]), state.bestNames[i], score(state.best[i]));
        }
        return leaders;
    }

    /** One number that orders rows by descending score, then by ascending id. */
    private static long place(int score, int id) {
        return ((long) ~score) << 32 | ((id ^ Integer.MIN_VALUE) & 0xFFFFFFFFL);
    }

    private static int id(long place) {
        return (int) place ^ Integer.MIN_VALUE;
    }

    private static int score(long place) {
        return ~(int) (place >> 32);
    }

    /** Adds a row to the best ones, behind those of the same place; the last one leaves if there are too many. */
    private static void insert(State state, long place, String name) {
        int index = 0;
        while (index < state.best.length && state.best[index] <= place) {
            index++;
        }
        if (index == CACHED) {
            return;
        }
        int length = Math.min(CACHED, state.best.length + 1);
        long[] best = Arrays.copyOf(state.best, length);
        String[] names = Arrays.copyOf(state.bestNames, length);
        System.arraycopy(state.best, index, best, index + 1, length - index - 1);
        System.arraycopy(state.bestNames, index, names, index + 1, length - index - 1);
        best[index] = place;
        names[index] = name;
        state.best = best;
        state.bestNames = names;
    }

    private static void remove(State state, long place, String name) {
        for (int i = 0; i < state.best.length; i++) {
            if (state.best[i] == place && state.bestNames[i].equals(name)) {
                int length = state.best.length - 1;
                long[] best = Arrays.copyOf(state.best, length);
                String[] names = Arrays.copyOf(state.bestNames, length);
                System.arraycopy(state.best, i + 1, best, i, length - i);
                System.arraycopy(state.bestNames, i + 1, names, i, length - i);
                state.best = best;
                state.bestNames = names;
                return;
            }
        }
    }

    private static void findBest(State state) throws Exception {
        PriorityQueue<Map.Entry<String, Long>> found = new PriorityQueue<>(
                Map.Entry.<String, Long>comparingByValue().reversed().thenComparing(Map.Entry.comparingByKey()));
        for (Map.Entry<String, Long> entry : state.places.entries()) {
            found.add(Map.entry(entry.getKey(), entry.getValue())); // a state backend may change the entry that it gave
            if (found.size() > CACHED) {
                found.poll();
            }
        }
        state.best = new long[0];
        state.bestNames = new String[0];
        found.stream()
                .sorted(Comparator.comparing(Map.Entry::getValue))
                .forEach(entry -> insert(state, entry.getValue(), entry.getKey()));
    }
}
