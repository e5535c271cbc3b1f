package dev.thaw.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Collection;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.results.format.ResultFormatFactory;
import org.openjdk.jmh.results.format.ResultFormatType;

/** A file of figures: without machine, versions and commit a figure cannot be compared. */
final class ResultFile {
  private ResultFile() {}

  /** Writes {@code bench/results/NAME.json}, replacing an older one, and returns its path. */
  static Path write(Path home, String name, Collection<RunResult> results) throws IOException {
    Path folder = Files.createDirectories(home.resolve("bench").resolve("results"));
    Path file = folder.resolve(name + ".json");
    Path aside = folder.resolve(name + ".json.part");
    try (JsonGenerator json = new JsonFactory().createGenerator(Files.newBufferedWriter(aside))) {
      json.setPrettyPrinter(new DefaultPrettyPrinter());
      json.writeStartObject();
      json.writeStringField("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
      json.writeStringField("commit", commit(home));
      json.writeStringField("processor", processor());
      json.writeNumberField("cores", Runtime.getRuntime().availableProcessors());
      json.writeStringField(
          "system", System.getProperty("os.name") + " " + System.getProperty("os.version"));
      json.writeStringField(
          "java", System.getProperty("java.vendor") + " " + Runtime.version().toString());
      json.writeFieldName("jmh");
      json.writeRawValue(jmh(results));
      json.writeEndObject();
    }
    return Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE);
  }

  private static String jmh(Collection<RunResult> results) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(bytes, false, UTF_8);
    ResultFormatFactory.getInstance(ResultFormatType.JSON, out).writeOut(results);
    out.flush();
    return bytes.toString(UTF_8).strip();
  }

  private static String processor() throws IOException {
    Path info = Path.of("/proc/cpuinfo");
    if (Files.isReadable(info)) {
      for (String line : Files.readAllLines(info)) {
        if (line.startsWith("model name")) {
          return line.substring(line.indexOf(':') + 1).strip();
        }
      }
    }
    return System.getProperty("os.arch");
  }

  /** The commit, marked when the tree differs from it; "none" outside a git checkout. */
  private static String commit(Path home) throws IOException {
    String head = git(home, "rev-parse", "--short=12", "HEAD");
    if (head.isEmpty()) {
      return "none";
    }
    boolean changed = !git(home, "status", "--porcelain", "--untracked-files=no").isEmpty();
    return changed ? head + " with changes" : head;
  }

  private static String git(Path home, String... words) throws IOException {
    String[] command = new String[words.length + 3];
    command[0] = "git";
    command[1] = "-C";
    command[2] = home.toString();
    System.arraycopy(words, 0, command, 3, words.length);
    ProcessBuilder git = new ProcessBuilder(command);
    git.redirectError(ProcessBuilder.Redirect.DISCARD);
    Process process;
    try {
      process = git.start();
    } catch (IOException noGit) {
      return "";
    }
    String printed = new String(process.getInputStream().readAllBytes(), UTF_8).strip();
    try {
      return process.waitFor() == 0 ? printed : "";
    } catch (InterruptedException stop) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while git ran", stop);
    }
  }
}
