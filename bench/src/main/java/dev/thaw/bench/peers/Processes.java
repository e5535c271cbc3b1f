package dev.thaw.bench.peers;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.thaw.cpu.CpuThreads;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Whole processes of both sides: their time from start to end, and the memory they needed. */
final class Processes {
  private final Python python;

  Processes(Python python) {
    this.python = python;
  }

  /**
   * A process that has ended.
   *
   * @param nanos from its start to its end
   * @param numbers it printed
   */
  record Ended(long nanos, long[] numbers) {}

  /** A work of Thaw's: median ns, peak KiB, the pool's peak bytes. */
  Ended thaw(Workload load, int calls) throws IOException {
    return run(java(List.of(), "once", load.word(), Integer.toString(calls)));
  }

  /** The same work of PyTorch's: median ns, peak KiB. */
  Ended torch(Workload load, String format, int calls) throws IOException {
    String threads = Integer.toString(CpuThreads.configured());
    String batch = Integer.toString(load.batch);
    String[] words = {
      "once", threads, load.model, batch, load.kind.word(), format, Integer.toString(calls)
    };
    return run(python.command("speed.py", words));
  }

  /** A JVM that names one picture: peak KiB. */
  Ended coldThaw() throws IOException {
    return run(java(List.of(), "cold"));
  }

  /** The same with C1 alone and a class-data archive, made where it is missing. */
  Ended coldThawFromArchive(Path archive) throws IOException {
    String light = "-XX:TieredStopAtLevel=1";
    if (!Files.exists(archive)) {
      run(java(List.of(light, "-XX:ArchiveClassesAtExit=" + archive, "-Xlog:cds=off"), "cold"));
    }
    return run(java(List.of(light, "-XX:SharedArchiveFile=" + archive), "cold"));
  }

  /** A Python that names one picture: peak KiB. */
  Ended coldTorch() throws IOException {
    return run(python.command("speed.py", "cold"));
  }

  /** This JVM's own flags and class path: those that ./thaw passes. */
  private static List<String> java(List<String> more, String... words) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    command.addAll(more);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Fresh.class.getName()));
    command.addAll(List.of(words));
    return command;
  }

  private static Ended run(List<String> command) throws IOException {
    long start = System.nanoTime();
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String printed = new String(process.getInputStream().readAllBytes(), UTF_8).strip();
    try {
      int code = process.waitFor();
      long nanos = System.nanoTime() - start;
      if (code != 0 || !printed.matches("[\\d ]+")) {
        throw new IOException(
            String.join(" ", command) + " ended with " + code + " and printed '" + printed + "'");
      }
      String[] numbers = printed.split(" ", -1);
      return new Ended(
          nanos, java.util.Arrays.stream(numbers).mapToLong(Long::parseLong).toArray());
    } catch (InterruptedException stop) {
      process.destroy();
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", stop);
    }
  }
}
