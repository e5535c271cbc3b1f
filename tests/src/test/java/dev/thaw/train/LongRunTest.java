package dev.thaw.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** 10,000 steps hold no more memory than the first hundred. */
class LongRunTest {
  private static final int STEPS = 10_000;

  private static long residentBytes() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("\\D", "")) << 10;
      }
    }
    throw new IOException("/proc/self/status has no VmRSS");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void memoryStaysFlat(boolean eager) throws IOException {
    Assumptions.assumeTrue(
        Devices.available().contains("cpu"), "skipped: thaw-cpu is not on the class path");
    Backend backend = Devices.get("cpu");
    List<Long> live = new ArrayList<>();
    List<Long> resident = new ArrayList<>();
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
                        live.add(backend.pool().liveBytes());
                        resident.add(residentBytes());
                      }
                    }
                  });
      (eager ? trainer.eager() : trainer).run();
    }
    assertEquals(1, live.stream().distinct().count(), "live bytes: " + live);
    // The Java heap breathes; native memory that leaked 100 bytes a step would show as 0.8 MB.
    long grown = resident.get(resident.size() - 1) - resident.get(1);
    assertTrue(grown < (24L << 20), "resident bytes: " + resident);
  }
}
