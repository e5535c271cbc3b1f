package dev.thaw.train;

import java.io.BufferedWriter;
import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** One line a step, {@code step,epoch,loss,lr,grad_norm}, flushed as it is written. */
public final class CsvLog implements Listener, Closeable {
  private static final String HEADER = "step,epoch,loss,lr,grad_norm";

  private final BufferedWriter out;

  /** Starts {@code file} anew. */
  public CsvLog(Path file) throws IOException {
    this(file, 0);
  }

  /**
   * Goes on with {@code file}, cut behind the line of step {@code after}: what a resumed run does.
   */
  public CsvLog(Path file, long after) throws IOException {
    List<String> kept = new ArrayList<>(List.of(HEADER));
    if (after > 0 && Files.exists(file)) {
      for (String line : Files.readAllLines(file, StandardCharsets.UTF_8)) {
        String first = line.substring(0, Math.max(0, line.indexOf(',')));
        if (first.matches("\\d{1,18}") && Long.parseLong(first) <= after) {
          kept.add(line);
        }
      }
    }
    out =
        Files.newBufferedWriter(
            file,
            StandardCharsets.UTF_8,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE);
    for (String line : kept) {
      out.write(line + "\n");
    }
    out.flush();
  }

  @Override
  public boolean looksAtTheModel() {
    return false;
  }

  @Override
  public void step(Step s) throws IOException {
    out.write(
        String.format(
            Locale.ROOT,
            "%d,%d,%s,%s,%s%n",
            s.step(),
            s.epoch(),
            (float) s.loss(),
            s.rate(),
            (float) s.gradientNorm()));
    out.flush();
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
