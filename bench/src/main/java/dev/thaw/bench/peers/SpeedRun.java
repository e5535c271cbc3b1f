package dev.thaw.bench.peers;

import dev.thaw.cpu.CpuThreads;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Both sides in turns, round by round, so that what else the machine does meets both. While one
 * works the other sleeps: a pause lets its threads go to sleep, which spin a while after an op.
 * Every piece of work meets a PyTorch that has done nothing before: what a C library's malloc keeps
 * or gives back depends on the work before, and with it up to a seventh of the time of a ResNet-50.
 */
final class SpeedRun {
  private static final long PAUSE_MILLIS = 50;
  private static final long ROUND_NANOS = 400_000_000;
  private static final double EAGER_FLOOR = 1.5;

  private final Python python;
  private final Processes processes;
  private final int rounds;
  private final Table table;
  private final Map<Workload, Double> ours = new LinkedHashMap<>();

  SpeedRun(Python python, int rounds, Table table) {
    this.python = python;
    this.processes = new Processes(python);
    this.rounds = rounds;
    this.table = table;
  }

  private interface Turn {
    long[] take(int calls) throws IOException;
  }

  /** Times of a step, both sides. */
  void times(List<Workload> loads) throws IOException {
    table.title(
        "Time of a call, milliseconds: median (p10..p90)",
        "work",
        "Thaw",
        "Thaw, eager",
        "PyTorch",
        "PyTorch, channels last",
        "PyTorch / Thaw",
        "floor",
        "aim",
        "",
        "eager");
    for (Workload load : loads) {
      times(load);
    }
  }

  private void times(Workload load) throws IOException {
    Map<String, Times> all;
    boolean trains = load.kind != Workload.Kind.INFER;
    try (Work planned = Work.of(load, true);
        Work eager = Work.of(load, !trains);
        TorchProcess torch = new TorchProcess(python, threads())) {
      Map<String, Turn> turns = new LinkedHashMap<>();
      turns.put("planned", planned::run);
      if (trains) {
        turns.put("eager", eager::run);
      }
      for (String format : load.formats()) {
        torch.make(load, format);
        turns.put(format, calls -> torch.run(format, calls));
      }
      all = takeTurns(turns);
    }
    report(load, all);
  }

  private void report(Workload load, Map<String, Times> all) {
    boolean trains = load.kind != Workload.Kind.INFER;
    Times planned = get(all, "planned");
    ours.put(load, planned.median());
    double peer =
        load.formats().stream().mapToDouble(f -> get(all, f).median()).min().orElseThrow();
    double ratio = peer / planned.median();
    String eager = "";
    if (trains) {
      double slow = peer / get(all, "eager").median();
      eager = String.format("%.2f", slow) + (slow < EAGER_FLOOR && small(load) ? " BELOW" : "");
    }
    table.row(
        load.title,
        planned.text(),
        all.containsKey("eager") ? get(all, "eager").text() : "",
        get(all, "usual").text(),
        all.containsKey("last") ? get(all, "last").text() : "",
        ratio,
        load.floor,
        load.aim,
        Table.atLeast(ratio, load.floor, load.aim),
        eager);
    Map<String, Object> json = new LinkedHashMap<>();
    all.forEach((name, times) -> json.put(name, times.json()));
    table.figure(
        "work", load.word(), "ratio", ratio, "floor", load.floor, "aim", load.aim, "times", json);
  }

  /** Whether steps op by op are held to a floor of their own: where overhead counts. */
  private static boolean small(Workload load) {
    return load.model.equals("seed-cnn") || load.model.equals("mlp");
  }

  private Map<String, Times> takeTurns(Map<String, Turn> turns) throws IOException {
    Map<String, Times> all = new LinkedHashMap<>();
    Map<String, Integer> calls = new LinkedHashMap<>();
    for (Map.Entry<String, Turn> turn : turns.entrySet()) {
      // The JVM compiles what it sees often; a call that lasts needs fewer. The fastest counts: one
      // that was disturbed would make every round too short.
      turn.getValue().take(2);
      long one = fastest(turn.getValue().take(1));
      one = Math.min(one, fastest(turn.getValue().take((int) Math.min(2000, warm(one)))));
      calls.put(turn.getKey(), (int) Math.min(2000, warm(one)));
      all.put(turn.getKey(), new Times());
    }
    for (int round = 0; round < rounds; round++) {
      for (Map.Entry<String, Turn> turn : turns.entrySet()) {
        pause();
        int count = java.util.Objects.requireNonNull(calls.get(turn.getKey()));
        get(all, turn.getKey()).add(turn.getValue().take(count));
      }
    }
    return all;
  }

  private static long warm(long one) {
    return Math.max(1, ROUND_NANOS / one);
  }

  private static long fastest(long[] times) {
    return Math.max(1, java.util.Arrays.stream(times).min().orElseThrow());
  }

  private static Times get(Map<String, Times> all, String name) {
    return java.util.Objects.requireNonNull(all.get(name), name);
  }

  private static void pause() throws IOException {
    try {
      Thread.sleep(PAUSE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  /** Peak memory of processes of their own, and frozen beside full. */
  void memory() throws IOException {
    table.title(
        "Peak memory of a process that trains ResNet-50, batch 8, MiB",
        "work",
        "Thaw",
        "of it the pool",
        "PyTorch, its faster format",
        "Thaw / PyTorch",
        "ceiling",
        "aim",
        "");
    Workload full = Workload.RESNET50_TRAIN_8;
    Workload frozen = Workload.RESNET50_FROZEN_8;
    int calls = Math.max(2, Math.min(5, rounds));
    long[] fullOurs = memory(full, calls, 0.9, 0.7);
    long[] frozenOurs = memory(frozen, calls, Double.NaN, Double.NaN);

    table.title("Thaw, frozen / full", "what", "ratio", "ceiling", "aim", "");
    ratio("memory of the pool", frozenOurs[2] / (double) fullOurs[2], 0.35, 0.25);
    ratio("memory of the process", frozenOurs[1] / (double) fullOurs[1], 0.35, 0.25);
    Double fullTime = ours.get(full);
    Double frozenTime = ours.get(frozen);
    if (fullTime != null && frozenTime != null) {
      ratio("time of a step", frozenTime / fullTime, 0.30, 0.22);
    }
  }

  private void ratio(String what, double ratio, double ceiling, double aim) {
    table.row(what, ratio, ceiling, aim, Table.atMost(ratio, ceiling, aim));
    table.figure("work", "frozen / full, " + what, "ratio", ratio, "ceiling", ceiling, "aim", aim);
  }

  private long[] memory(Workload load, int calls, double ceiling, double aim) throws IOException {
    Processes.Ended thaw = processes.thaw(load, calls);
    Processes.Ended peer = null;
    for (String format : load.formats()) {
      Processes.Ended one = processes.torch(load, format, calls);
      peer = peer == null || one.numbers()[0] < peer.numbers()[0] ? one : peer;
    }
    double theirs = java.util.Objects.requireNonNull(peer).numbers()[1] / 1024.0;
    double mine = thaw.numbers()[1] / 1024.0;
    double pool = thaw.numbers()[2] / 1048576.0;
    boolean held = !Double.isNaN(ceiling);
    table.row(
        load.title,
        mine,
        pool,
        theirs,
        mine / theirs,
        held ? ceiling : "",
        held ? aim : "",
        held ? Table.atMost(mine / theirs, ceiling, aim) : "");
    table.figure(
        "work",
        load.word() + ", memory",
        "thaw_mib",
        mine,
        "pool_mib",
        pool,
        "torch_mib",
        theirs,
        "ratio",
        mine / theirs);
    return thaw.numbers();
  }

  /** Latency and throughput of several clients. */
  void clients() throws IOException {
    table.title(
        "SeedCnn inference, batch 1, several clients: milliseconds",
        "clients",
        "Thaw p50",
        "p99",
        "p99.9",
        "answers/s",
        "PyTorch p50",
        "p99",
        "p99.9",
        "answers/s");
    Workload small = Workload.SEED_CNN_INFER_1;
    int calls = Math.min(2000, 200 * rounds);
    try (TorchProcess torch = new TorchProcess(python, threads())) {
      torch.make(small, "usual");
      for (int clients : new int[] {1, 2, 8}) {
        clients(torch, small, clients, calls);
      }
    }
    twoClients(small, calls);
    twoClients(Workload.RESNET50_INFER_1, 3);
  }

  private void clients(TorchProcess torch, Workload small, int clients, int calls)
      throws IOException {
    Asked mine = new Asked();
    Asked theirs = new Asked();
    for (int round = 0; round < rounds; round++) {
      pause();
      mine.add(Clients.ask(small, clients, calls));
      pause();
      theirs.add(seen(torch.clients("usual", clients, calls)));
    }
    table.row(
        clients,
        mine.at(0.5),
        mine.at(0.99),
        mine.at(0.999),
        mine.rate(),
        theirs.at(0.5),
        theirs.at(0.99),
        theirs.at(0.999),
        theirs.rate());
    table.figure(
        "work",
        "seed-cnn-infer-1, " + clients + " clients",
        "thaw",
        mine.times.json(),
        "thaw_per_second",
        mine.rate(),
        "torch",
        theirs.times.json(),
        "torch_per_second",
        theirs.rate());
  }

  /** How much more two clients get done than one, each with one thread inside an op. */
  private void twoClients(Workload load, int calls) throws IOException {
    Asked one = new Asked();
    Asked two = new Asked();
    for (int round = 0; round < rounds; round++) {
      pause();
      one.add(Clients.ask(load, 1, calls));
      pause();
      two.add(Clients.ask(load, 2, calls));
    }
    double gain = two.rate() / one.rate();
    table.title(
        "Two clients on two cores: " + load.title,
        "one, answers/s",
        "two",
        "gain",
        "floor",
        "aim",
        "");
    table.row(one.rate(), two.rate(), gain, 1.8, 1.95, Table.atLeast(gain, 1.8, 1.95));
    table.figure("work", load.word() + ", two clients", "ratio", gain, "floor", 1.8, "aim", 1.95);
  }

  private static Clients.Seen seen(long[] wallThenTimes) {
    return new Clients.Seen(
        wallThenTimes[0], java.util.Arrays.copyOfRange(wallThenTimes, 1, wallThenTimes.length));
  }

  /** What clients saw in all rounds. */
  private static final class Asked {
    private final Times times = new Times();
    private long nanos;

    void add(Clients.Seen seen) {
      times.add(seen.times());
      nanos += seen.nanos();
    }

    double at(double share) {
      return times.quantile(share);
    }

    double rate() {
      return times.count() / (nanos * 1e-9);
    }
  }

  /** Whole processes that name one picture. */
  void cold() throws IOException {
    table.title(
        "Cold start to the first prediction of SeedCnn, whole process",
        "who",
        "seconds: median (p10..p90)",
        "peak MiB",
        "ceiling",
        "aim",
        "");
    Path archive = Files.createTempDirectory("thaw-classes").resolve("classes.jsa");
    Cold thaw = new Cold();
    Cold archived = new Cold();
    Cold peer = new Cold();
    processes.coldThaw();
    processes.coldThawFromArchive(archive);
    processes.coldTorch();
    for (int round = 0; round < rounds; round++) {
      pause();
      thaw.add(processes.coldThaw());
      pause();
      archived.add(processes.coldThawFromArchive(archive));
      pause();
      peer.add(processes.coldTorch());
    }
    Files.delete(archive);
    Files.delete(java.util.Objects.requireNonNull(archive.getParent()));
    thaw.row("Thaw, the flags of ./thaw", true);
    archived.row("Thaw, with a class-data archive and C1 alone", true);
    peer.row("PyTorch", false);
  }

  /** Cold starts of one kind. */
  private final class Cold {
    private final Times times = new Times();
    private final Times peaks = new Times();

    void add(Processes.Ended ended) {
      times.add(new long[] {ended.nanos()});
      // In KiB: read back as millionths.
      peaks.add(new long[] {ended.numbers()[0]});
    }

    void row(String who, boolean held) {
      double seconds = times.median() * 1e-3;
      double mebibytes = peaks.median() * 1e6 / 1024;
      String spread =
          String.format(
              "%.2f (%.2f..%.2f)", seconds, times.quantile(0.1) * 1e-3, times.quantile(0.9) * 1e-3);
      boolean aim = seconds <= 0.4 && mebibytes <= 110;
      boolean ceiling = seconds <= 0.8 && mebibytes <= 130;
      String verdict = aim ? "aim" : ceiling ? "ceiling" : "ABOVE";
      table.row(
          who,
          spread,
          mebibytes,
          held ? "0.8 s, 130 MiB" : "",
          held ? "0.4 s, 110 MiB" : "",
          held ? verdict : "");
      table.figure("work", "cold start, " + who, "seconds", seconds, "peak_mib", mebibytes);
    }
  }

  /** Threads that an op may take. */
  static int threads() {
    return CpuThreads.configured();
  }
}
