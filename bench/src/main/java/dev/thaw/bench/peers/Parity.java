package dev.thaw.bench.peers;

import dev.thaw.app.Main;
import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.bench.Machine;
import dev.thaw.cpu.CpuThreads;
import dev.thaw.io.AtomicFile;
import dev.thaw.memory.Check;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Whether Thaw and PyTorch compute the same, within the bounds that float32 allows. */
@Command(
    name = "thaw bench parity",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    description = "Repeat what PyTorch computes, compare, and write bench/results/NAME.md.",
    footer = {"", "Exit codes: 0 all figures within their bounds, 1 not, 2 the words are wrong."})
final class Parity implements Callable<Integer> {
  @Option(
      names = "--python",
      paramLabel = "PATH",
      defaultValue = "python3",
      description = "A Python with PyTorch and NumPy (default: ${DEFAULT-VALUE}).")
  private String python;

  @Option(
      names = "--data",
      paramLabel = "FOLDER",
      description = "Holds mnist and cifar10-lossless; by default THAW_DATA, or ../shared/data.")
  private @Nullable Path data;

  @Option(
      names = "--save",
      paramLabel = "NAME",
      defaultValue = "parity",
      description = "The result goes to bench/results/NAME.md (default: ${DEFAULT-VALUE}).")
  private String name;

  @Option(
      names = "--from",
      paramLabel = "FOLDER",
      description = "Take what PyTorch wrote there instead of running it.")
  private @Nullable Path from;

  @Override
  public Integer call() throws IOException {
    Check.that(name.matches("[\\w.-]+"), "--save: '%s' is no name of letters, digits, . _ -", name);
    Path pictures = data == null ? usualData() : data;
    Path folder = from == null ? Files.createTempDirectory("thaw-parity") : from;
    try {
      if (from == null) {
        System.err.println("bench: PyTorch computes, about two minutes");
        String out = folder.toString();
        new Python(python).run("parity.py", "--data", pictures.toString(), "--out", out);
      }
      return compare(folder, pictures);
    } finally {
      if (from == null) {
        delete(folder);
      }
    }
  }

  private int compare(Path folder, Path pictures) throws IOException {
    Verdicts verdicts = new Verdicts();
    Backend backend = Devices.get("cpu");
    try (var on = backend.device().use()) {
      for (Subject subject : Subject.values()) {
        System.err.println("bench: " + subject.title);
        StepParity.compare(subject, folder, verdicts);
        RunParity.compare(subject, folder, verdicts);
      }
    }
    RunParity.throughTheCommandLine(folder, pictures, verdicts);
    List<String> page = new ArrayList<>();
    page.add("# Parity with PyTorch: " + verdicts.summary());
    page.add("");
    page.add("`./thaw bench parity --python PATH --data FOLDER`");
    page.add("");
    page.add(where(folder, backend));
    page.add("");
    page.add(
        "Distances are from PyTorch in its usual memory format; its own distance in the other"
            + " format, channels last, gives the scale. Lines without a bound: where an input of a"
            + " ReLU lies within rounding of zero, the gradient jumps, PyTorch's own too; so"
            + " ResNet-20's gradients are held to the bound on 8 pictures without such an input,"
            + " and shown for the whole batch. SeedCnn starts from the first weights of which"
            + " PyTorch's own run comes out the same (losses within 1e-4) in double, and six times from"
            + " weights moved by 1e-7 of themselves: about every second start hangs on a rounding.");
    page.addAll(verdicts.lines());
    String text = String.join("\n", page) + "\n";
    Path file = Machine.results().resolve(name + ".md");
    AtomicFile.write(file, text.getBytes(StandardCharsets.UTF_8));
    System.out.print(text);
    System.err.println("bench: figures in " + file);
    return verdicts.hold() ? 0 : 1;
  }

  private static String where(Path folder, Backend backend) throws IOException {
    Golden start = Golden.read(folder.resolve(Subject.SEED_CNN.model + "-start.safetensors"));
    return String.format(
        "%s, %d cores, %d threads; %s; PyTorch %s; %s; commit %s.",
        Machine.processor(),
        Machine.cores(),
        CpuThreads.configured(),
        backend.describe(),
        start.notes().get("torch"),
        Machine.java(),
        Machine.commit());
  }

  private static Path usualData() {
    String named = System.getenv("THAW_DATA");
    Path folder = named == null ? Machine.home().resolve("../shared/data") : Path.of(named);
    Check.that(
        Files.isDirectory(folder.resolve("mnist")),
        "parity: no mnist in %s; name the folder with --data",
        folder);
    return folder.normalize();
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      all.sorted(Comparator.reverseOrder())
          .forEach(
              path -> {
                try {
                  Files.delete(path);
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
    }
  }
}
