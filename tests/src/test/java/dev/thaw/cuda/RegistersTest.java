package dev.thaw.cuda;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.Needs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/**
 * Compiles our kernels with nvcc, warnings as errors, and holds the registers that each takes and
 * the bytes that it spills to {@code tests/src/test/cuda/registers.txt}: fewer are welcome.
 */
final class RegistersTest {
  private static final Path FOLDER = Needs.home().resolve("tests/src/test/cuda");

  /** What the script printed: of a kernel by architecture, such as {@code 40} or {@code 255+16}. */
  private record Table(String compiler, Map<String, Map<String, String>> kernels) {
    static Table of(List<String> lines) {
      String[] architectures = lines.get(1).split(" +");
      Map<String, Map<String, String>> kernels = new TreeMap<>();
      for (String line : lines.subList(2, lines.size())) {
        String[] cells = line.split(" +");
        Map<String, String> takes = new TreeMap<>();
        for (int i = 1; i < cells.length; i++) {
          takes.put(architectures[i + 1], cells[i]);
        }
        kernels.put(cells[0], takes);
      }
      return new Table(lines.get(0), kernels);
    }

    String of(String kernel, String architecture) {
      return Objects.requireNonNull(
          Objects.requireNonNull(kernels.get(kernel), kernel).get(architecture), architecture);
    }
  }

  /** Registers, and bytes spilt. */
  private static int[] numbers(String cell) {
    String[] parts = cell.split("\\+", -1);
    return new int[] {
      Integer.parseInt(parts[0]), parts.length > 1 ? Integer.parseInt(parts[1]) : 0
    };
  }

  private static String printed(Path program, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(program.toString()));
    command.addAll(Arrays.asList(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String printed = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertEquals(0, process.waitFor(), printed);
    return printed;
  }

  @Test
  void noKernelTakesMoreThanItDid() throws IOException, InterruptedException {
    String nvcc = Needs.toolIfAny("nvcc");
    Table held = Table.of(Files.readAllLines(FOLDER.resolve("registers.txt"), UTF_8));
    String version = printed(Path.of(nvcc), "--version");
    String release = held.compiler().replace("# nvcc ", "release ") + ",";
    // Another compiler gives out registers in another way.
    Assumptions.assumeTrue(
        version.contains(release), "skipped: registers.txt is of " + held.compiler());
    Table found = Table.of(printed(FOLDER.resolve("registers")).lines().toList());
    assertEquals(
        held.kernels().keySet(),
        found.kernels().keySet(),
        "kernels; run tests/src/test/cuda/registers");
    List<String> worse = new ArrayList<>();
    found
        .kernels()
        .forEach(
            (kernel, takes) ->
                takes.forEach(
                    (architecture, cell) -> {
                      String before = held.of(kernel, architecture);
                      int[] was = numbers(before);
                      int[] is = numbers(cell);
                      if (is[0] > was[0] || is[1] > was[1]) {
                        worse.add(kernel + " on " + architecture + ": " + before + ", now " + cell);
                      }
                    }));
    assertEquals(List.of(), worse, "registers + bytes spilt");
  }
}
