package dev.thaw.app;

import dev.thaw.io.AtomicFile;
import dev.thaw.memory.BadFileException;
import dev.thaw.memory.Check;
import dev.thaw.memory.Device;
import dev.thaw.train.Predictor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Names what pictures show. */
@Command(
    name = "predict",
    description = {
      "Label and probability of each picture, a line each: path, label, probability.",
      "Of a folder, every picture in it and below; what is no picture there is passed over."
    })
final class Predict extends Subcommand {
  private static final String PICTURE = "(?i).*\\.(png|jpe?g|bmp|gif)";

  @Option(names = "--from", required = true, paramLabel = "FILE", description = "A saved model.")
  private Path from;

  @Option(
      names = "--out",
      paramLabel = "FILE.csv",
      description = "Write file,label,probability here instead of standard output.")
  private @Nullable Path out;

  @Option(
      names = "--min-prob",
      paramLabel = "P",
      description = "Leave the label empty where its probability is below this.")
  private double least;

  @Mixin private PrecisionOption computing;

  @Parameters(arity = "1..*", paramLabel = "PICTURE|FOLDER", description = "What to look at.")
  private List<Path> places;

  /** One line of the answer. */
  private record Line(Path file, String label, double probability) {}

  @Override
  Map<String, Object> run() throws IOException {
    Check.that(least >= 0 && least <= 1, "--min-prob: %s is not in 0..1", least);
    RunOptions.checkFile("--out", out);
    List<Path> files = new ArrayList<>();
    for (Path place : places) {
      pictures(place, files);
    }
    List<Line> lines = new ArrayList<>();
    long start = System.nanoTime();
    try (Device.Use on = backend().device().use();
        Predictor predictor = Predictor.open(from, computing.precision())) {
      for (Path file : files) {
        Predictor.Prediction p = predictor.predict(file);
        Line line = new Line(file, p.probability() < least ? "" : p.label(), p.probability());
        lines.add(line);
        if (out == null) {
          print("%s\t%s\t%.4f", line.file, line.label, line.probability);
        }
      }
    }
    double seconds = (System.nanoTime() - start) * 1e-9;
    if (out != null) {
      AtomicFile.write(out, csv(lines).getBytes(StandardCharsets.UTF_8));
      print("%d pictures, %.2f s; written to %s", lines.size(), seconds, out);
    }
    return json(lines, seconds);
  }

  private static void pictures(Path place, List<Path> files) throws IOException {
    if (!Files.exists(place)) {
      throw new NoSuchFileException(place + ": there is no such file or folder");
    }
    if (!Files.isDirectory(place)) {
      files.add(place);
      return;
    }
    int before = files.size();
    try (Stream<Path> below = Files.walk(place)) {
      below
          .filter(p -> p.getFileName().toString().matches(PICTURE) && Files.isRegularFile(p))
          .sorted()
          .forEach(files::add);
    }
    if (files.size() == before) {
      throw new BadFileException(
          place, -1, "pictures (png, jpg, bmp, gif)", "none", "name another folder");
    }
  }

  private static String csv(List<Line> lines) {
    StringBuilder csv = new StringBuilder("file,label,probability\n");
    for (Line line : lines) {
      csv.append(quoted(line.file.toString())).append(',').append(quoted(line.label));
      csv.append(String.format(Locale.ROOT, ",%.6f%n", line.probability));
    }
    return csv.toString();
  }

  /** As RFC 4180 asks: quoted where a comma, a quote or a line's end is inside. */
  private static String quoted(String text) {
    return text.matches("[^,\"\\r\\n]*") ? text : '"' + text.replace("\"", "\"\"") + '"';
  }

  private static Map<String, Object> json(List<Line> lines, double seconds) {
    List<Map<String, Object>> predictions = new ArrayList<>();
    for (Line line : lines) {
      predictions.add(
          fields(
              "file",
              line.file.toString(),
              "label",
              line.label.isEmpty() ? null : line.label,
              "probability",
              line.probability));
    }
    return fields("predictions", predictions, "seconds", seconds);
  }
}
