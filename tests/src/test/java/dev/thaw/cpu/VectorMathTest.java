package dev.thaw.cpu;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.Needs;
import dev.thaw.backend.Devices;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Builds {@code tests/src/test/cpp/vmath_test.cpp} with the library's own flags and runs it: exp,
 * tanh, erf and their kin against double over twenty million floats, for each instruction set.
 */
final class VectorMathTest {
  @TempDir private Path build;

  @Test
  void staysWithinTwoUnitsInTheLastPlace() throws IOException, InterruptedException {
    String cmake = Needs.tool("cmake");
    run(cmake, "-S", Needs.home().toString(), "-B", build.toString());
    Devices.get("cpu");
    for (Isa isa : Isa.values()) {
      if (isa.compareTo(Isa.current()) <= 0) {
        run(cmake, "--build", build.toString(), "--target", "vmath_test_" + isa);
        System.out.println(isa + ":\n" + run(build.resolve("vmath_test_" + isa).toString()));
      }
    }
  }

  private static String run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String printed = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertEquals(0, process.waitFor(), () -> List.of(command) + "\n" + printed);
    return printed;
  }
}
