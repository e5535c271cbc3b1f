package dev.thaw.bench.roofline;

import dev.thaw.app.Main;
import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.bench.Machine;
import dev.thaw.io.AtomicFile;
import dev.thaw.io.Json;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.plan.Precision;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Each kernel call of a planned step beside the machine's limits. */
@Command(
    name = "thaw bench --roofline",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    description =
        "For each kernel call of a training step: bytes that must move, floating-point operations,"
            + " the time on the device, and the share of the machine's limit, which is the lower of"
            + " its copy rate and its matmul rate, both measured first. The machine should do"
            + " nothing else.")
public final class Roofline implements Callable<Integer> {
  /** The word that asks for it. */
  public static final String WORD = "--roofline";

  @Option(
      names = "--model",
      paramLabel = "NAME",
      defaultValue = "seed-cnn",
      description = "A model of ./thaw models, or a spec (default: ${DEFAULT-VALUE}).")
  private String model;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "64",
      description = "Examples of a step (default: ${DEFAULT-VALUE}).")
  private int batch;

  @Option(
      names = "--device",
      paramLabel = "plain|cpu|cuda[:n]|best",
      defaultValue = "best",
      description = "Where it runs (default: ${DEFAULT-VALUE}).")
  private String device;

  @Option(
      names = "--precision",
      paramLabel = "fp32|tf32|bf16",
      defaultValue = "fp32",
      description = "What is computed in (default: ${DEFAULT-VALUE}).")
  private String precision;

  @Option(names = "--inference", description = "A plan for inference instead of a training step.")
  private boolean inference;

  @Option(
      names = "--runs",
      paramLabel = "N",
      defaultValue = "20",
      description = "Timed runs of each call, of which the median counts (${DEFAULT-VALUE}).")
  private int runs;

  @Option(
      names = "--save",
      paramLabel = "NAME",
      description = "Keep the figures in bench/results/NAME.json.")
  private @Nullable String name;

  private Roofline() {}

  /**
   * Measures what the words ask for.
   *
   * @return the exit code: 0 done, 1 it failed, 2 the words are wrong
   */
  public static int run(List<String> words) {
    CommandLine line = new CommandLine(new Roofline());
    line.setExecutionExceptionHandler(
        (failure, command, parsed) -> {
          System.err.println("bench: " + failure.getMessage());
          return failure instanceof IllegalArgumentException ? 2 : 1;
        });
    line.setParameterExceptionHandler(
        (wrong, given) -> {
          System.err.println(
              "bench: " + wrong.getMessage() + "; see `thaw bench " + WORD + " --help`");
          return 2;
        });
    try {
      return line.execute(words.toArray(new String[0]));
    } catch (OutOfMemoryError e) {
      System.err.println("bench: " + e.getMessage());
      return 1;
    }
  }

  @Override
  public Integer call() throws IOException {
    Check.that(batch > 0, "--batch: %d is not above 0", batch);
    Check.that(runs > 0, "--runs: %d is not above 0", runs);
    if (name != null) {
      Check.that(
          name.matches("[A-Za-z0-9][A-Za-z0-9._-]*"),
          "--save: '%s' is no name of letters, digits, . _ -",
          name);
    }
    Precision computed = Precision.named(precision);
    Backend backend = Devices.get(device);
    computed.check(backend);
    try (var on = backend.device().use();
        var math = computed.on(backend);
        var seeded = new Generator(1).use()) {
      Limits limits =
          Limits.of(backend, computed == Precision.BF16 ? DType.BFLOAT16 : DType.FLOAT32);
      StepTimes times = times(computed);
      List<Measured> measured = new ArrayList<>();
      for (int i = 0; i < times.seconds().length; i++) {
        measured.add(Measured.of(times.calls().get(i), times.seconds()[i], limits));
      }
      Account account = new Account(measured);
      System.out.println(title(backend));
      System.out.println("The machine's limits, measured now: " + limits);
      account.lines().forEach(System.out::println);
      System.out.printf(
          Locale.ROOT,
          "One by one the calls take %.3f ms; as they usually run, %.3f ms.%n",
          account.seconds() * 1e3,
          times.whole() * 1e3);
      if (name != null) {
        save(name, title(backend), limits, times.whole(), account);
      }
    }
    return 0;
  }

  private StepTimes times(Precision computed) {
    int classes = Zoo.standardClasses(family());
    int[] dims = Zoo.standardExample(family()).dims();
    dims[0] = batch;
    Shape input = Shape.of(dims);
    try (Module net = Zoo.create(model, Zoo.standardExample(family()), classes)) {
      return inference
          ? StepTimes.inference(net, input, computed, runs)
          : StepTimes.training(net, input, classes, computed, runs);
    }
  }

  private String title(Backend backend) {
    return String.format(
        Locale.ROOT,
        "%s, batch %d, %s, %s on %s: %s",
        model,
        batch,
        precision,
        inference ? "inference" : "training",
        backend.device(),
        backend.describe());
  }

  private String family() {
    return model.contains(":") ? model.substring(0, model.indexOf(':')) : model;
  }

  private static void save(String name, String title, Limits limits, double whole, Account account)
      throws IOException {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    json.put("commit", Machine.commit());
    json.put("processor", Machine.processor());
    json.put("cores", Machine.cores());
    json.put("system", Machine.system());
    json.put("java", Machine.java());
    json.put("what", title);
    json.put("copy_GBps", limits.bytesPerSecond() * 1e-9);
    json.put("matmul_GFLOPs", limits.flopsPerSecond() * 1e-9);
    json.put("step_ms", whole * 1e3);
    json.putAll(account.json());
    Path file = Machine.results().resolve(name + ".json");
    String text = Json.writeIndented(json) + "\n";
    AtomicFile.write(file, text.getBytes(StandardCharsets.UTF_8));
    System.err.println("bench: figures in " + file);
  }
}
