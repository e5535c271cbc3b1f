package dev.thaw.bench.gpu;

import dev.thaw.io.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Puts the parts of a check together: check.json with all figures, check.md with ratios first. */
final class Page {
  private static final List<String> PARTS =
      List.of(
          "card",
          "first",
          "kernels",
          "products",
          "convolutions",
          "own-convolutions",
          "steps",
          "compiled-steps",
          "losses",
          "workshop",
          "torch");

  /** How PyTorch does a step, in bench/gpu/peer.py. */
  private static final List<String> WAYS =
      List.of(
          "eager",
          "graph",
          "compile",
          "compile=max-autotune-no-cudagraphs",
          "compile=reduce-overhead",
          "compile=max-autotune");

  private final Map<String, Object> all = new LinkedHashMap<>();
  private final List<String> lines = new ArrayList<>();

  private Page() {}

  /**
   * Reads {@code FOLDER/parts} and writes the two files into {@code folder}; a part that is missing
   * is said to be.
   */
  static void write(Path folder) throws IOException {
    Page page = new Page();
    for (String part : PARTS) {
      Path file = folder.resolve("parts").resolve(part + ".json");
      if (Files.isReadable(file)) {
        page.all.put(part, Json.readObject(Files.readString(file), file));
      }
    }
    for (String text : List.of("machine", "missing", "outcomes", "tests", "sanitizer")) {
      Path file = folder.resolve("parts").resolve(text + ".txt");
      if (Files.isReadable(file)) {
        page.all.put(text, Files.readString(file).strip());
      }
    }
    page.draw();
    Files.writeString(
        folder.resolve("check.json"), Json.writeIndented(page.all) + "\n", StandardCharsets.UTF_8);
    Files.write(folder.resolve("check.md"), page.lines, StandardCharsets.UTF_8);
  }

  private void draw() {
    boolean rehearsal = String.valueOf(part("card").get("device")).contains("stand-in");
    lines.add(rehearsal ? "# A rehearsal: no figure is one of a card" : "# Thaw on a card");
    lines.add("");
    text("machine");
    card();
    bars();
    steps();
    losses();
    first();
    kernels();
    products();
    convolutions();
    workshop();
    heading("How the parts ended", "part", "outcome");
    for (String line :
        String.valueOf(all.getOrDefault("outcomes", "none: none ran")).split("\n", -1)) {
      int colon = line.indexOf(':');
      row(line.substring(0, Math.max(0, colon)), line.substring(colon + 1).strip());
    }
    lines.add("");
    for (String part : List.of("tests", "sanitizer", "missing")) {
      lines.add("## " + part);
      lines.add("");
      text(part);
    }
  }

  private void text(String name) {
    lines.add("```");
    lines.add(String.valueOf(all.getOrDefault(name, "nothing came of this part")));
    lines.add("```");
    lines.add("");
  }

  private void heading(String title, String... columns) {
    lines.add("## " + title);
    lines.add("");
    row(columns);
    lines.add("|" + "---|".repeat(columns.length));
  }

  private void row(String... cells) {
    lines.add("| " + String.join(" | ", cells) + " |");
  }

  private void card() {
    for (Map.Entry<String, Object> said : part("card").entrySet()) {
      for (Object line :
          said.getValue() instanceof List<?> many ? many : List.of(said.getValue())) {
        lines.add("* " + said.getKey() + ": " + line);
      }
    }
    lines.add("");
  }

  private void bars() {
    heading("What is asked of an H200", "figure", "asked", "found", "verdict");
    for (Bars.Bar bar : Bars.of(all)) {
      row(bar.what(), bar.asked(), bar.found(), bar.verdict());
    }
    lines.add("");
  }

  private void losses() {
    heading(
        "The same training in every precision",
        "training",
        "steps",
        "mean loss",
        "between seeds",
        "last quarter");
    part("losses")
        .forEach(
            (name, figures) -> {
              if (figures instanceof Map<?, ?> found) {
                row(
                    name,
                    number(found, "steps", 0),
                    number(found, "mean", 5),
                    number(found, "between_seeds", 5),
                    number(found, "last_quarter", 5));
              }
            });
    lines.add("");
  }

  /** From the start of a process to the end of SeedCnn's first step. */
  private void first() {
    heading("First step of SeedCnn, from the start of the process", "whose", "ms");
    row("Thaw", number(part("first"), "ms", 0));
    row("Thaw once more, with the algorithms that were kept", number(part("first"), "again_ms", 0));
    Map<?, ?> theirs = part("torch").get("first") instanceof Map<?, ?> m ? m : Map.of();
    row("PyTorch, eager", number(theirs, "ms", 0));
    lines.add("");
  }

  /** Thaw's steps beside each way in which PyTorch does them. */
  private void steps() {
    heading(
        "Training steps, data on the card",
        "step",
        "PyTorch / Thaw",
        "Thaw ms",
        "Thaw images/s",
        "PyTorch ms",
        "Java µs a step",
        "Thaw MiB",
        "PyTorch MiB");
    Map<String, Object> compiled = part("compiled-steps");
    part("steps")
        .forEach(
            (name, figures) -> {
              steps(name, name, figures);
              Object again = compiled.get(name);
              if (again != null) {
                steps(name, name + ", cuDNN compiling", again);
              }
            });
    lines.add("");
  }

  /** A step beside each way in which PyTorch does it. */
  private void steps(String name, String title, Object figures) {
    Map<String, Object> torch = part("torch");
    String work = name.substring(0, name.lastIndexOf(' '));
    boolean any = false;
    for (String how : WAYS) {
      if (torch.get(work + " " + how) instanceof Map<?, ?> theirs) {
        any = true;
        step(title + " against " + how, figures, theirs);
      }
    }
    if (!any) {
      step(title + ", PyTorch not measured", figures, Map.of());
    }
  }

  private void step(String name, Object figures, Map<?, ?> theirs) {
    if (!(figures instanceof Map<?, ?> ours) || ours.containsKey("error")) {
      row(
          name,
          "failed: " + (figures instanceof Map<?, ?> m ? m.get("error") : figures),
          "",
          "",
          "",
          "",
          "",
          "");
      return;
    }
    row(
        name,
        ratio(theirs, "ms", ours),
        number(ours, "ms", 3),
        number(ours, "images_per_s", 0),
        theirs.containsKey("error") ? String.valueOf(theirs.get("error")) : number(theirs, "ms", 3),
        number(ours, "java_us", 1),
        number(ours, "peak_MiB", 0),
        number(theirs, "peak_MiB", 0));
  }

  /** Bytes a second of our kernels, and their share of what a copy reaches. */
  private void kernels() {
    double copy = Bars.copyRate(all);
    heading("Kernels", "kernel", "share of the card's copy rate", "asked", "GB/s", "ms");
    part("kernels")
        .forEach(
            (name, figures) -> {
              if (figures instanceof Map<?, ?> ours && ours.get("GBps") instanceof Number rate) {
                row(
                    name,
                    Double.isNaN(copy)
                        ? "not known"
                        : text(100 * rate.doubleValue() / copy, 0) + " %",
                    ours.containsKey("asked") ? number(ours, "asked", 0) + " %" : "",
                    number(ours, "GBps", 0),
                    number(ours, "ms", 3));
              }
            });
    lines.add("");
  }

  private void products() {
    heading("Products", "product", "share of PyTorch's rate at 8192 x 8192", "TFLOP/s", "ms");
    part("products")
        .forEach(
            (name, figures) -> {
              if (figures instanceof Map<?, ?> ours) {
                String precision = name.substring(name.lastIndexOf(' ') + 1);
                row(name, share(ours, precision), number(ours, "TFLOPs", 1), number(ours, "ms", 3));
              }
            });
    lines.add("");
  }

  /** Of what PyTorch's large product reaches in this precision. */
  private String share(Map<?, ?> ours, String precision) {
    return part("torch").get("ceilings") instanceof Map<?, ?> ceilings
            && ceilings.get("matmul_" + precision + "_TFLOPs") instanceof Number all
            && ours.get("TFLOPs") instanceof Number rate
        ? text(100 * rate.doubleValue() / all.doubleValue(), 0) + " %"
        : "not known";
  }

  /** Ours through cuDNN's graphs beside its older functions, PyTorch's and our own kernels. */
  private void convolutions() {
    Map<String, Object> all = part("convolutions");
    heading(
        "Convolutions of ResNet-50, batch 256, all shapes together",
        "direction and precision",
        "shapes",
        "older functions / graph, geometric mean",
        "least",
        "most");
    Map<String, List<Double>> ratios = new LinkedHashMap<>();
    all.forEach(
        (name, figures) -> {
          if (figures instanceof Map<?, ?> found
              && found.get("legacy_ms") instanceof Number legacy
              && found.get("ms") instanceof Number graph) {
            String which = name.substring(name.indexOf(", ") + 2);
            ratios
                .computeIfAbsent(which, w -> new ArrayList<>())
                .add(legacy.doubleValue() / graph.doubleValue());
          }
        });
    ratios.forEach(
        (which, r) ->
            row(
                which,
                Integer.toString(r.size()),
                text(Math.exp(r.stream().mapToDouble(Math::log).average().orElseThrow()), 2),
                text(r.stream().mapToDouble(x -> x).min().orElseThrow(), 2),
                text(r.stream().mapToDouble(x -> x).max().orElseThrow(), 2)));
    lines.add("");
    heading(
        "Convolutions of ResNet-50, batch 256; our own kernels at 16",
        "convolution",
        "older functions / graph",
        "PyTorch / graph",
        "graph's share of PyTorch's product rate",
        "graph TFLOP/s",
        "older functions TFLOP/s",
        "PyTorch TFLOP/s",
        "own kernels TFLOP/s");
    Map<?, ?> torch = part("torch").get("convolutions") instanceof Map<?, ?> m ? m : Map.of();
    all.forEach(
        (name, figures) -> {
          if (figures instanceof Map<?, ?> ours) {
            convolution(name, ours, torch.get(name.replaceAll(", bf16$", "")));
          }
        });
    lines.add("");
  }

  /**
   * One of them.
   *
   * @param theirs PyTorch's figures, if any
   */
  private void convolution(String name, Map<?, ?> ours, @Nullable Object theirs) {
    Map<?, ?> torch = theirs instanceof Map<?, ?> t ? t : Map.of();
    Map<?, ?> own = part("own-convolutions").get(name) instanceof Map<?, ?> o ? o : Map.of();
    row(
        name,
        ours.get("legacy") instanceof String why ? why : ratio(ours, "legacy_ms", ours),
        ratio(torch, "ms", ours),
        share(ours, name.substring(name.lastIndexOf(' ') + 1)),
        number(ours, "TFLOPs", 1),
        number(ours, "legacy_TFLOPs", 1),
        number(torch, "TFLOPs", 1),
        number(own, "TFLOPs", 1));
  }

  /** Versions of a kernel, from the plainest to the best. */
  private void workshop() {
    heading(
        "Versions of kernels (bench/kernels)",
        "subject",
        "version",
        "share of the best copy's rate",
        "ms",
        "GB/s",
        "TFLOP/s");
    part("workshop")
        .forEach(
            (subject, versions) -> {
              if (versions instanceof Map<?, ?> map) {
                map.forEach(
                    (version, figures) -> {
                      if (figures instanceof Map<?, ?> found) {
                        version(subject, String.valueOf(version), found);
                      }
                    });
              }
            });
    lines.add("");
  }

  private void version(String subject, String version, Map<?, ?> figures) {
    row(
        subject,
        version,
        figures.get("error") instanceof String error
            ? error
            : figures.get("share") instanceof Number share
                ? text(100 * share.doubleValue(), 0) + " %"
                : "",
        number(figures, "ms", 3),
        number(figures, "GBps", 0),
        number(figures, "TFLOPs", 1));
  }

  private static String ratio(Map<?, ?> theirs, String name, Map<?, ?> ours) {
    return theirs.get(name) instanceof Number a && ours.get("ms") instanceof Number b
        ? text(a.doubleValue() / b.doubleValue(), 2)
        : "not known";
  }

  private static String number(Map<?, ?> figures, String name, int digits) {
    @Nullable Object value = figures.get(name);
    return value instanceof Number n ? text(n.doubleValue(), digits) : "";
  }

  private static String text(double value, int digits) {
    return String.format(Locale.ROOT, "%." + digits + "f", value);
  }

  @SuppressWarnings("unchecked")
  private Map<String, Object> part(String name) {
    return all.get(name) instanceof Map<?, ?> map ? (Map<String, Object>) map : Map.of();
  }
}
