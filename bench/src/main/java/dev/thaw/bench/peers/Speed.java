package dev.thaw.bench.peers;

import dev.thaw.app.Main;
import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.bench.Machine;
import dev.thaw.io.AtomicFile;
import dev.thaw.io.Json;
import dev.thaw.memory.Check;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** How fast Thaw is beside PyTorch, in the same run. */
@Command(
    name = "thaw bench speed",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    description =
        "Measure Thaw and PyTorch in turns and write bench/results/NAME.md and .json."
            + " The machine should do nothing else.")
final class Speed implements Callable<Integer> {
  private static final List<String> MORE = List.of("memory", "clients", "cold");

  @Option(
      names = "--python",
      paramLabel = "PATH",
      defaultValue = "python3",
      description = "A Python with PyTorch (default: ${DEFAULT-VALUE}).")
  private String python;

  @Option(
      names = "--work",
      paramLabel = "NAME",
      split = ",",
      description = "Measure these only; --list names them.")
  private List<String> chosen = new ArrayList<>();

  @Option(names = "--list", description = "Name what can be measured.")
  private boolean list;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "15",
      description = "Turns of each side (default: ${DEFAULT-VALUE}).")
  private int rounds;

  @Option(
      names = "--save",
      paramLabel = "NAME",
      defaultValue = "speed",
      description = "The result goes to bench/results/NAME.* (default: ${DEFAULT-VALUE}).")
  private String name;

  @Override
  public Integer call() throws IOException {
    if (list) {
      Workload.words().forEach(System.out::println);
      MORE.forEach(System.out::println);
      return 0;
    }
    Check.that(rounds > 0, "--rounds: %d is not above 0", rounds);
    Check.that(name.matches("[\\w.-]+"), "--save: '%s' is no name of letters, digits, . _ -", name);
    List<Workload> loads = new ArrayList<>();
    for (String word : chosen) {
      if (!MORE.contains(word)) {
        loads.add(Workload.named(word));
      }
    }
    if (chosen.isEmpty()) {
      loads.addAll(List.of(Workload.values()));
    }
    String load = load();
    Backend backend = Devices.get("cpu");
    Table table = new Table();
    Python peer = new Python(python);
    String version;
    try (TorchProcess torch = new TorchProcess(peer, SpeedRun.threads())) {
      version = torch.version;
    }
    try (var on = backend.device().use()) {
      SpeedRun run = new SpeedRun(peer, rounds, table);
      if (!loads.isEmpty()) {
        run.times(loads);
      }
      if (wants("clients")) {
        run.clients();
      }
      if (wants("cold")) {
        run.cold();
      }
      if (wants("memory")) {
        run.memory();
      }
      write(table, backend, version, load);
    }
    return 0;
  }

  /** What the machine did in the 1, 5 and 15 minutes before, in processors kept busy. */
  private static String load() throws IOException {
    Path file = Path.of("/proc/loadavg");
    return Files.isReadable(file)
        ? String.join(", ", List.of(Files.readString(file).split(" ", -1)).subList(0, 3))
        : "unknown";
  }

  private boolean wants(String what) {
    return chosen.isEmpty() || chosen.contains(what);
  }

  private void write(Table table, Backend backend, String version, String load) throws IOException {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    json.put("commit", Machine.commit());
    json.put("processor", Machine.processor());
    json.put("cores", Machine.cores());
    json.put("threads", SpeedRun.threads());
    json.put("system", Machine.system());
    json.put("java", Machine.java());
    json.put("backend", backend.describe());
    json.put("torch", version);
    json.put("rounds", rounds);
    json.put("load", load);
    json.put("figures", table.figures());
    List<String> page = new ArrayList<>();
    page.add("# Speed beside PyTorch");
    page.add("");
    page.add("`./thaw bench speed --python PATH --rounds " + rounds + "`");
    page.add("");
    page.add(
        String.format(
            "%s, %d cores, %d threads on both sides; %s; PyTorch %s; %s; commit %s.",
            Machine.processor(),
            Machine.cores(),
            SpeedRun.threads(),
            backend.describe(),
            version,
            Machine.java(),
            Machine.commit()));
    page.add("");
    page.add(
        "Both sides take turns, "
            + rounds
            + " rounds of about 0.4 s; while one works the other"
            + " sleeps, and every work meets a new PyTorch process. The ratio is that of the medians, PyTorch in the faster of its two memory"
            + " formats. \"floor\" and \"aim\" say which of the two is reached. Load of the machine in"
            + " the minutes before: "
            + load
            + ".");
    page.addAll(table.lines());
    Path folder = Machine.results();
    String text = String.join("\n", page) + "\n";
    AtomicFile.write(folder.resolve(name + ".md"), text.getBytes(StandardCharsets.UTF_8));
    String figures = Json.write(json) + "\n";
    AtomicFile.write(folder.resolve(name + ".json"), figures.getBytes(StandardCharsets.UTF_8));
    System.out.print(text);
    System.err.println("bench: figures in " + folder.resolve(name + ".md") + " and .json");
  }
}
