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
  private final Path out;
  private final Extent extent;
  private final Map<String, Object> json = new LinkedHashMap<>();

  CardCheck(Path out, Extent extent) {
    this.out = out;
    this.extent = extent;
  }

  /**
   * Measures a part and writes it.
   *
   * @param args a part - card, first, kernels, products, convolutions, own-convolutions, steps,
   *     compiled-steps, losses, workshop - and a file for its JSON; before them {@code --rehearse}
   *     for a little of it on the stand-in for a card; or page, and the folder whose JSON files are
   *     put together into check.json and check.md
   */
  public static void main(String[] args) throws IOException {
    boolean rehearse = args.length > 0 && args[0].equals("--rehearse");
    int at = rehearse ? 1 : 0;
    if (args.length != at + 2) {
      System.err.println("check: expected [--rehearse] PART OUT, found " + String.join(" ", args));
      System.exit(2);
    }
    Path out = Path.of(args[at + 1]);
    if (args[at].equals("page")) {
      Page.write(out);
      return;
    }
    try (var on = Device.of(rehearse ? "cuda-sim" : "cuda").use()) {
      new CardCheck(out, rehearse ? Extent.REHEARSAL : Extent.CARD).part(args[at]);
    } catch (IllegalStateException e) {
      System.err.println("check: " + e.getMessage());
      System.exit(1);
    }
  }

  void part(String name) throws IOException {
    switch (name) {
      case "card" -> card();
      case "first" -> first();
      case "kernels" -> put(CardKernels.measure(extent));
      case "products" -> put(CardProducts.measure(extent));
      case "convolutions" -> CardConvolutions.measure(extent, this::tell);
      case "own-convolutions" -> CardConvolutions.measureOwn(extent, this::tell);
      case "steps" -> steps(extent.steps());
      case "compiled-steps" -> steps(extent.compiledSteps());
      case "losses" -> CardLosses.measure(extent, this::tell);
      case "workshop" -> Workshop.measure(this::tell);
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
    write();
  }

  /**
   * From the start of this process to the end of a small net's first step. Run again, it adds what
   * it then takes: choices of algorithms are kept in a file.
   */
  private void first() throws IOException {
    if (Files.isReadable(out)) {
      json.putAll(Json.readObject(Files.readString(out), out));
    }
    extent.steps().get(0).first();
    long began = ProcessHandle.current().info().startInstant().orElseThrow().toEpochMilli();
    json.put(json.isEmpty() ? "ms" : "again_ms", System.currentTimeMillis() - began);
    write();
  }

  private void steps(List<Steps> all) throws IOException {
    for (Steps steps : all) {
      try {
        json.put(steps.name(), steps.measure(extent.stepSeconds()));
      } catch (RuntimeException | OutOfMemoryError e) {
        json.put(steps.name(), Map.of("error", String.valueOf(e.getMessage())));
      }
      System.err.println("check: " + steps.name() + " " + json.get(steps.name()));
      write();
    }
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
