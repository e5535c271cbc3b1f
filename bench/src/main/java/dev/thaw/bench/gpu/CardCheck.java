package dev.thaw.bench.gpu;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.bench.kernels.Workshop;
import dev.thaw.io.Json;
import dev.thaw.memory.Device;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One part of the check of a card, in a process of its own: {@code CardCheck PART OUT}. What it has
 * measured is written again and again, so that a part that is ended half way keeps its half.
 */
public final class CardCheck {
  private static final int CONVOLUTION_BATCH = 256;
  private static final int OWN_CONVOLUTION_BATCH = 16;

  private final Path out;
  private final Map<String, Object> json = new LinkedHashMap<>();

  private CardCheck(Path out) {
    this.out = out;
  }

  /**
   * Measures a part and writes it.
   *
   * @param args a part - card, kernels, convolutions, own-convolutions, steps, compiled-steps,
   *     workshop - and a file for its JSON; or page, and the folder whose JSON files are put
   *     together into check.json and check.md
   */
  public static void main(String[] args) throws IOException {
    if (args.length != 2) {
      System.err.println("check: expected PART OUT, found " + String.join(" ", args));
      System.exit(2);
    }
    Path out = Path.of(args[1]);
    if (args[0].equals("page")) {
      Page.write(out);
      return;
    }
    String device = System.getProperty("thaw.check.device", "cuda");
    try (var on = Device.of(device).use()) {
      new CardCheck(out).part(args[0]);
    } catch (IllegalStateException e) {
      System.err.println("check: " + e.getMessage());
      System.exit(1);
    }
  }

  private void part(String name) throws IOException {
    switch (name) {
      case "card" -> card();
      case "kernels" -> put(CardKernels.measure());
      case "convolutions" -> CardConvolutions.measure(CONVOLUTION_BATCH, this::tell);
      case "own-convolutions" -> CardConvolutions.measureOwn(OWN_CONVOLUTION_BATCH, this::tell);
      case "steps" -> steps(Steps.all());
      case "compiled-steps" -> steps(Steps.compiled());
      case "workshop" -> workshop();
      default -> {
        System.err.println("check: there is no part " + name);
        System.exit(2);
      }
    }
  }

  private void card() throws IOException {
    long start = System.nanoTime();
    Backend backend = Devices.current();
    json.put("device", backend.describe());
    json.put("opened_ms", (System.nanoTime() - start) * 1e-6);
    json.put("findings", Devices.findings(backend.device().kind()));
    // The first step of a small net, from the start of this process.
    Steps first = new Steps("seed-cnn", 64, dev.thaw.plan.Precision.FP32, false, true);
    first.measure();
    long began = ProcessHandle.current().info().startInstant().orElseThrow().toEpochMilli();
    json.put("first_steps_after_ms", System.currentTimeMillis() - began);
    write();
  }

  private void steps(List<Steps> all) throws IOException {
    for (Steps steps : all) {
      try {
        json.put(steps.name(), steps.measure());
      } catch (RuntimeException | OutOfMemoryError e) {
        json.put(steps.name(), Map.of("error", String.valueOf(e.getMessage())));
      }
      System.err.println("check: " + steps.name() + " " + json.get(steps.name()));
      write();
    }
  }

  private void workshop() throws IOException {
    Workshop.measure(this::tell);
  }

  private void tell(String subject, Map<String, Object> figures) {
    json.put(subject, figures);
    System.err.println("check: " + subject + " " + figures);
    try {
      write();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void put(Map<String, Object> figures) throws IOException {
    json.putAll(figures);
    write();
  }

  private void write() throws IOException {
    Path aside = out.resolveSibling(out.getFileName() + ".part");
    Files.writeString(aside, Json.write(json) + "\n", StandardCharsets.UTF_8);
    Files.move(aside, out, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
  }
}
