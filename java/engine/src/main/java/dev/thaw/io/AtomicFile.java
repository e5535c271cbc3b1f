package dev.thaw.io;

import dev.thaw.memory.BadFileException;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The one way the engine writes a file: aside in the same folder, forced to disk, renamed over the
 * final name, and the folder forced after. A kill, a crash or a full disk at any moment leaves
 * under the final name either the whole new file or what was there before.
 *
 * <p>Costs two forced writes, a few milliseconds on an SSD; so it is for files that matter, not for
 * logs. What a killed process left aside is removed by the next write to the same name.
 */
public final class AtomicFile {
  private static final AtomicInteger COUNT = new AtomicInteger();
  private static final String SUFFIX = ".part";

  private AtomicFile() {}

  /** Writes the content of a file, from its start, into a channel that is open for writing. */
  @FunctionalInterface
  public interface Content {
    /** Writes everything. What it throws ends the write and leaves the old file in place. */
    void writeTo(FileChannel out) throws IOException;
  }

  /**
   * Replaces {@code target} by what {@code content} writes.
   *
   * @param target the final name; its folder must exist. A symbolic link is followed
   * @param content writes the bytes
   * @throws IOException with one line, when it cannot be written; {@code target} is what it was
   */
  public static void write(Path target, Content content) throws IOException {
    Path file = Files.isSymbolicLink(target) ? target.toRealPath() : target.toAbsolutePath();
    Path folder = file.getParent();
    if (folder == null || Files.isDirectory(file)) {
      throw new IOException(target + ": is a folder; give the name of a file");
    }
    if (!Files.isDirectory(folder)) {
      throw new IOException(target + ": there is no folder " + folder + "; create it first");
    }
    String prefix = "." + file.getFileName() + ".";
    Path aside =
        folder.resolve(
            prefix + ProcessHandle.current().pid() + "-" + COUNT.incrementAndGet() + SUFFIX);
    try {
      removeLeftovers(folder, prefix);
      try (FileChannel out =
          FileChannel.open(aside, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        content.writeTo(out);
        out.force(true);
      }
      Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE);
      force(folder);
    } catch (BadFileException e) {
      throw e; // about a file that content was reading; it says all there is to say
    } catch (IOException e) {
      throw new IOException(
          BadFileException.oneLine(
              target + ": cannot be written: " + reason(e) + "; what was there before is kept"),
          e);
    } finally {
      Files.deleteIfExists(aside); // present only after a failure
    }
  }

  /**
   * Replaces {@code target} by {@code bytes}.
   *
   * @throws IOException as {@link #write(Path, Content)}
   */
  public static void write(Path target, byte[] bytes) throws IOException {
    write(target, out -> writeFully(out, ByteBuffer.wrap(bytes)));
  }

  /** Writes what remains of {@code bytes}; a channel may take less than it is given. */
  static void writeFully(FileChannel out, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      out.write(bytes);
    }
  }

  /** Renaming is an entry in the folder, which has a cache of its own. Windows has no such call. */
  private static void force(Path folder) throws IOException {
    if (File.separatorChar == '/') {
      try (FileChannel entries = FileChannel.open(folder, StandardOpenOption.READ)) {
        entries.force(true);
      }
    }
  }

  /** Removes what processes that no longer live began to write aside under this name. */
  private static void removeLeftovers(Path folder, String prefix) throws IOException {
    DirectoryStream.Filter<Path> ours =
        path -> {
          String name = path.getFileName().toString();
          return name.startsWith(prefix) && name.endsWith(SUFFIX);
        };
    try (DirectoryStream<Path> leftovers = Files.newDirectoryStream(folder, ours)) {
      for (Path path : leftovers) {
        String name = path.getFileName().toString();
        String writer = name.substring(prefix.length(), name.length() - SUFFIX.length());
        if (writer.matches("[0-9]{1,18}-[0-9]+")
            && ProcessHandle.of(Long.parseLong(writer.substring(0, writer.indexOf('-'))))
                .isEmpty()) {
          Files.deleteIfExists(path);
        }
      }
    }
  }

  private static String reason(IOException e) {
    if (e instanceof FileSystemException f) { // its message is only the path
      return f.getReason() != null ? f.getReason() : f.getClass().getSimpleName();
    }
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }
}
