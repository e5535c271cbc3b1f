package dev.thaw.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where figures were made: without machine, versions and commit none can be compared. */
public final class Machine {
  private Machine() {}

  /** The folder that holds the sources, as the launcher says. */
  public static Path home() {
    // From the environment: a system property would stand in JMH's figures, with the machine's
    // path.
    String top = System.getenv("THAW_HOME");
    return Path.of(top == null ? "." : top);
  }

  /** The folder of results, made where it is missing. */
  public static Path results() throws IOException {
    return Files.createDirectories(home().resolve("bench").resolve("results"));
  }

  /** The processor's name. */
  public static String processor() throws IOException {
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

  /** Processors that this process may use. */
  public static int cores() {
    return Runtime.getRuntime().availableProcessors();
  }

  /** Name and version of the system. */
  public static String system() {
    return System.getProperty("os.name") + " " + System.getProperty("os.version");
  }

  /** Vendor and version of the JVM. */
  public static String java() {
    return System.getProperty("java.vendor") + " " + Runtime.version();
  }

  /** The commit, marked when the tree differs from it; "none" outside a git checkout. */
  public static String commit() throws IOException {
    String head = git("rev-parse", "--short=12", "HEAD");
    if (head.isEmpty()) {
      return "none";
    }
    boolean changed = !git("status", "--porcelain", "--untracked-files=no").isEmpty();
    return changed ? head + " with changes" : head;
  }

  private static String git(String... words) throws IOException {
    String[] command = new String[words.length + 3];
    command[0] = "git";
    command[1] = "-C";
    command[2] = home().toString();
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
