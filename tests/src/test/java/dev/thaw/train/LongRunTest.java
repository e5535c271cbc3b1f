package dev.thaw.train;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.Needs;
import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * 10,000 steps hold no more memory than the first two thousands, in a JVM of its own: its heap is
 * touched whole from the start and its compiler is the small one, so that what grows is native.
 */
class LongRunTest {
  private static final int STEPS = 10_000;

  /** Thousands of steps after which what is hot is compiled. */
  private static final int SETTLED = 2;

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void memoryStaysFlat(boolean eager) throws Exception {
    Needs.device("cpu");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-Xms96m",
                "-Xmx96m",
                "-XX:+AlwaysPreTouch",
                "-XX:TieredStopAtLevel=1",
                "-Dorg.bytedeco.javacpp.maxBytes=0",
                "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0",
                "-cp",
                System.getProperty("java.class.path"),
                LongRunTest.class.getName(),
                Boolean.toString(eager))
            .redirectErrorStream(true)
            .start();
    String printed = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertEquals(0, process.waitFor(), printed);
    List<Long> live = new ArrayList<>();
    List<Long> resident = new ArrayList<>();
    for (String line : printed.lines().toList()) {
      if (line.startsWith("held ")) {
        String[] numbers = line.split(" ", -1);
        live.add(Long.parseLong(numbers[1]));
        resident.add(Long.parseLong(numbers[2]));
      }
    }
    assertEquals(STEPS / 1000, live.size(), printed);
    assertEquals(1, live.stream().distinct().count(), "live bytes: " + live);
    // 100 bytes a step would show as 0.8 MB; what is left of the JVM's own is a tenth of that.
    long grown = resident.get(resident.size() - 1) - resident.get(SETTLED - 1);
    assertTrue(grown < 700_000, "resident bytes: " + resident);
  }

  /** Trains and prints {@code held LIVE RESIDENT}, bytes, every thousand steps. */
  public static void main(String[] args) throws IOException {
    boolean eager = Boolean.parseBoolean(args[0]);
    Backend backend = Devices.get("cpu");
    try (var on = backend.device().use();
        Module model = Zoo.create("mlp:width=32", Shape.of(1, 8, 8, 1), 4);
        Optimizer optimizer = new Sgd(model, 0.01, 0.9);
        RandomBatches data = new RandomBatches(8, 8, 1, 4, 64, 8, 3)) {
      Trainer trainer =
          new Trainer(model, optimizer, data, TrainingOptions.epochs(STEPS).atMost(STEPS))
              .listen(
                  new Listener() {
                    @Override
                    public void step(Step s) throws IOException {
                      if (s.step() % 1000 == 0) {
                        long live = backend.pool().liveBytes();
                        System.out.println("held " + live + " " + residentBytes());
                      }
                    }
                  });
      (eager ? trainer.eager() : trainer).run();
    }
  }

  private static long residentBytes() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("\\D", "")) << 10;
      }
    }
    throw new IOException("/proc/self/status has no VmRSS");
  }
}
