package olympicstreaming;

import java.util.Arrays;
import java.util.Comparator;
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
 */
@FunctionHint(output = @DataTypeHint("ARRAY<ROW<id INT, name STRING, score INT>>"))
public class Leaders extends AggregateFunction<Row[], Leaders.State> {
    private static final long serialVersionUID = 1L;
    private static final int LEADERS = 3;
    private static final int CACHED = 32;

    /** The names of all rows by place, the best places in ascending order, and the number of rows. */
    public static class State {
        @DataTypeHint("MAP<BIGINT NOT NULL, STRING NOT NULL>")
        public MapView<Long, String> names = new MapView<>();

        public long[] best = new long[0];
        public long rows;
    }

    @Override
    public State createAccumulator() {
        return new State();
    }

    public void accumulate(State state, Integer score, Integer id, String name) throws Exception {
        long place = place(score, id);
        state.names.put(place, name);
        boolean knowsAll = state.best.length == state.rows;
        if (knowsAll || place < state.best[state.best.length - 1]) {
            insert(state, place);
        }
        state.rows++;
    }

    public void retract(State state, Integer score, Integer id, String name) throws Exception {
        long place = place(score, id);
        state.names.remove(place);
        state.rows--;
        int index = Arrays.binarySearch(state.best, place);
        if (index >= 0) {
            long[] best = new long[state.best.length - 1];
            System.arraycopy(state.best, 0, best, 0, index);
            System.arraycopy(state.best, index + 1, best, index, best.length - index);
            state.best = best;
        }
        if (state.best.length < LEADERS && state.rows > state.best.length) {
            state.best = findBest(state);
        }
    }

    @Override
    public Row[] getValue(State state) {
        Row[] leaders = new Row[Math.min(LEADERS, state.best.length)];
        for (int i = 0; i < leaders.length; i++) {
            leaders[i] = Row.of(id(state.best[i]), name(state, state.best[i]), score(state.best[i]));
        }
        return leaders;
    }

    private static String name(State state, long place) {
        try {
            return state.names.get(place);
        } catch (Exception error) { // MapView declares it
            throw new IllegalStateException("the state of LEADERS cannot be read", error);
        }
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

    /** Adds a place to the best ones; the last of them leaves if there are too many. */
    private static void insert(State state, long place) {
        int index = -1 - Arrays.binarySearch(state.best, place);
        if (index < 0 || index >= CACHED) {
            return;
        }
        long[] best = new long[Math.min(CACHED, state.best.length + 1)];
        System.arraycopy(state.best, 0, best, 0, index);
        best[index] = place;
        System.arraycopy(state.best, index, best, index + 1, best.length - index - 1);
        state.best = best;
    }

    private static long[] findBest(State state) throws Exception {
        PriorityQueue<Long> best = new PriorityQueue<>(Comparator.reverseOrder());
        for (Long place : state.names.keys()) {
            best.add(place);
            if (best.size() > CACHED) {
                best.poll();
            }
        }
        return best.stream().mapToLong(Long::longValue).sorted().toArray();
    }
}
