package dev.thaw.bench.peers;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.memory.Device;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.plan.InferencePlan;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * Thaw in a process of its own, so that peak memory and start belong to one piece of work. {@code
 * once WORK CALLS} prints the median in nanoseconds, the process's peak in KiB and the pool's in
 * bytes; {@code cold} names one picture and prints the peak in KiB.
 */
public final class Fresh {
  private Fresh() {}

  /** Does what the words say and ends. */
  public static void main(String[] words) throws IOException {
    Backend backend = Devices.get("cpu");
    try (Device.Use on = backend.device().use()) {
      if (words[0].equals("cold")) {
        cold();
        System.out.println(peak());
        return;
      }
      Workload load = Workload.named(words[1]);
      long[] times;
      try (Work work = Work.of(load, true)) {
        times = work.run(Integer.parseInt(words[2]));
      }
      Arrays.sort(times);
      System.out.printf("%d %d %d%n", times[times.length / 2], peak(), backend.pool().peakBytes());
    }
  }

  private static void cold() {
    Shape shape = Zoo.standardExample("seed-cnn");
    try (Module net = Zoo.create("seed-cnn", shape, 10);
        InferencePlan plan = InferencePlan.of(net, shape)) {
      Work.inference(plan).run(1);
    }
  }

  /** KiB that this process had at most, as Linux counts. */
  private static long peak() throws IOException {
    List<String> lines = Files.readAllLines(Path.of("/proc/self/status"), UTF_8);
    String line = lines.stream().filter(l -> l.startsWith("VmHWM:")).findFirst().orElse("VmHWM: 0");
    return Long.parseLong(line.replaceAll("\\D", ""));
  }
}
