package dev.thaw.cuda;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.Needs;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Builds {@code tests/src/test/cpp/sim} and runs it: the shim that runs our CUDA kernels on the
 * CPU, and the driver that stands in for a card, give what they should and find the bugs planted
 * there, whatever the order of the threads of a block and of the streams.
 */
final class StandInTest {
  @ParameterizedTest
  @CsvSource({
    "alternate, lazy",
    "alternate, eager",
    "forward, lazy",
    "backward, lazy",
    "shuffled, lazy"
  })
  void runsKernelsAndFindsPlantedBugs(String order, String streams)
      throws IOException, InterruptedException {
    Path build = Needs.home().resolve("tests/target/sim-build");
    run(Map.of(), Needs.tool("cmake"), "--build", build.toString(), "--target", "sim_test");
    run(
        Map.of("THAW_SIM_ORDER", order, "THAW_SIM_STREAMS", streams),
        build.resolve("tests/src/sim/sim_test").toString());
  }

  private static void run(Map<String, String> environment, String... command)
      throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(environment);
    Process process = builder.start();
    String printed = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertEquals(0, process.waitFor(), () -> environment + " " + List.of(command) + "\n" + printed);
  }
}
