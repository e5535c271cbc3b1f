package dev.thaw.cuda;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.Needs;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Builds {@code tests/src/test/cpp/sim} and runs it: the shim that runs our CUDA kernels on the
 * CPU, and the driver that stands in for a card, give what they should and find the bugs planted
 * there, whatever the order of the threads of a block.
 */
final class StandInTest {
  @ParameterizedTest
  @ValueSource(strings = {"alternate", "forward", "backward", "shuffled"})
  void runsKernelsAndFindsPlantedBugs(String order) throws IOException, InterruptedException {
    Path build = Needs.home().resolve("tests/target/sim-build");
    String cmake = Needs.tool("cmake");
    run("alternate", cmake, "--build", build.toString(), "--target", "sim_test");
    run(order, build.resolve("tests/src/sim/sim_test").toString());
  }

  private static void run(String order, String... command)
      throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("THAW_SIM_ORDER", order);
    Process process = builder.start();
    String printed = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertEquals(0, process.waitFor(), () -> List.of(command) + "\n" + printed);
  }
}
