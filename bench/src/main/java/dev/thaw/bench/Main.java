package dev.thaw.bench;

import dev.thaw.bench.kernels.Workshop;
import dev.thaw.bench.peers.Peers;
import dev.thaw.bench.roofline.Roofline;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.NoBenchmarksException;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;

/**
 * Runs benchmarks: JMH's own words, and {@code --save NAME}; or {@code parity} and {@code speed},
 * which compare with PyTorch; or {@code --roofline}, which holds a step to the machine's limits; or
 * {@code --kernel NAME}, the workshop of CUDA kernels.
 */
public final class Main {
  private Main() {}

  /**
   * Runs what the words select and ends the JVM: 0 when something was measured, 1 when nothing
   * could be, 2 when the words are wrong.
   *
   * @param args what JMH understands ({@code -h} says), and {@code --save NAME}; or {@code --kernel
   *     NAME}
   */
  public static void main(String[] args) throws IOException {
    List<String> words = new ArrayList<>(List.of(args));
    if (words.remove(Roofline.WORD)) {
      System.exit(Roofline.run(words));
    }
    if (words.contains("--kernel")) {
      System.exit(Workshop.run(words));
    }
    boolean compares = args.length > 0 && Peers.knows(args[0]);
    System.exit(compares ? Peers.run(args) : run(words));
  }

  /** JMH's own words, which are changed. */
  static int run(List<String> words) throws IOException {
    try {
      words.replaceAll(word -> word.equals("--help") ? "-h" : word);
      String name = take(words, "--save");
      CommandLineOptions options = new CommandLineOptions(words.toArray(new String[0]));
      Runner runner = new Runner(options);
      if (options.shouldHelp()) {
        options.showHelp();
        System.out.println(
            "  --save NAME                 Keep the figures in bench/results/NAME.json");
        System.out.println(
            "  --kernel NAME [--device cuda] Every version of bench/kernels/NAME.cu, or of all: held"
                + " to a reference, then timed; NAME is all, "
                + String.join(", ", Workshop.names()));
        System.out.println(
            "Beside JMH: "
                + String.join(", ", Peers.names())
                + ", "
                + Roofline.WORD
                + "; -h behind the word says more");
      } else if (options.shouldListWithParams()) {
        runner.listWithParams(options);
      } else if (options.shouldList()) {
        runner.list();
      } else if (options.shouldListProfilers()) {
        options.listProfilers();
      } else {
        return measure(runner, name);
      }
      return 0;
    } catch (CommandLineOptionException | IllegalArgumentException wrong) {
      System.err.println("bench: " + wrong.getMessage());
      return 2;
    }
  }

  private static int measure(Runner runner, @Nullable String name) throws IOException {
    try {
      Collection<RunResult> results = runner.run();
      if (results.isEmpty()) {
        System.err.println("bench: every benchmark failed, see above");
        return 1;
      }
      if (name != null) {
        System.err.println("bench: figures in " + ResultFile.write(name, results));
      }
      return 0;
    } catch (NoBenchmarksException none) {
      System.err.println("bench: no benchmark has such a name; -l lists them");
      return 2;
    } catch (RunnerException failure) {
      System.err.println("bench: " + failure.getMessage());
      return 1;
    }
  }

  /** Takes an option and its value out of the words; null where it is not among them. */
  static @Nullable String take(List<String> words, String option) {
    int at = words.indexOf(option);
    if (at < 0) {
      return null;
    }
    if (at + 1 == words.size() || !words.get(at + 1).matches("[A-Za-z0-9][A-Za-z0-9._-]*")) {
      throw new IllegalArgumentException(option + " needs a name of letters, digits, . _ -");
    }
    words.remove(at);
    return words.remove(at);
  }
}
