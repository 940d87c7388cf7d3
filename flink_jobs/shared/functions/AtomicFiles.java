package olympicstreaming;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Files that are complete or absent, also after the process or the machine has failed. */
final class AtomicFiles {
    private static final String INCOMPLETE = ".incomplete";

    private AtomicFiles() {}

    /** Writes a file in one step, and its folder if that is missing. */
    static void write(Path file, byte[] content) throws IOException {
        Files.createDirectories(file.getParent());
        Path incomplete = file.resolveSibling(file.getFileName() + INCOMPLETE);
        Files.write(incomplete, content);
        try (FileChannel channel = FileChannel.open(incomplete, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
        Files.move(incomplete, file, StandardCopyOption.ATOMIC_MOVE);
        try (FileChannel directory = FileChannel.open(file.getParent(), StandardOpenOption.READ)) {
            directory.force(true);
        }
    }

    /** Returns the content; null if the file does not exist. */
    static byte[] read(Path file) throws IOException {
        try {
            return Files.readAllBytes(file);
        } catch (NoSuchFileException missing) {
            return null;
        }
    }

    /** Returns the names of the files of a folder in their order; none if it does not exist. */
    static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> !name.endsWith(INCOMPLETE))
                    .sorted()
                    .collect(Collectors.toList());
        } catch (NoSuchFileException missing) {
            return List.of();
        }
    }

    /** Deletes a file, or a folder with its files, if it exists. */
    static void delete(Path path) throws IOException {
        List<Path> found;
        try (Stream<Path> files = Files.walk(path)) {
            found = files.sorted(Comparator.reverseOrder()).collect(Collectors.toList());
        } catch (NoSuchFileException missing) {
            return;
        }
        for (Path file : found) {
            Files.deleteIfExists(file);
        }
    }
}
