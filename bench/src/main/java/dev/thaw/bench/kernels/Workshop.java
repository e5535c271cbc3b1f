package dev.thaw.bench.kernels;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.bench.Machine;
import dev.thaw.cuda.OwnKernels;
import dev.thaw.memory.Check;
import dev.thaw.memory.Device;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Every version of the kernels in {@code bench/kernels}: held to its reference on problems of
 * several sizes, and on a card then timed on a large one.
 */
public final class Workshop {
  /** The best copy is what the others are measured by. */
  private static final Subject COPY = new Copy();

  /** The subjects, one for each file. */
  static final List<Subject> SUBJECTS =
      List.of(
          COPY,
          new Transpose(),
          new Reduction(),
          new Softmax(),
          new BatchNormForward(),
          new BatchNormBackward(),
          new OptimizerStep(),
          new Gemm());

  private final Backend backend;
  private final boolean timed;
  private double copyRate = Double.NaN;

  /** On a device of CUDA; only a real card is timed. */
  Workshop(Backend backend) {
    this.backend = backend;
    timed = backend.device().kind().equals("cuda");
  }

  /** The names of the subjects. */
  public static List<String> names() {
    return SUBJECTS.stream().map(Subject::name).toList();
  }

  /**
   * Runs {@code --kernel NAME [--device DEVICE]}: prints a table for the subject, or with {@code
   * all} for each.
   *
   * @return 0, 1 when a version is wrong or there is no card, 2 for words that mean nothing
   */
  public static int run(List<String> words) throws IOException {
    List<String> left = new ArrayList<>(words);
    String name = take(left, "--kernel");
    String device = take(left, "--device");
    List<Subject> chosen =
        SUBJECTS.stream().filter(s -> s.name().equals(name) || "all".equals(name)).toList();
    if (chosen.isEmpty() || !left.isEmpty()) {
      System.err.println(
          "bench: expected --kernel NAME [--device cuda], where NAME is all or one of "
              + String.join(", ", names()));
      return 2;
    }
    Backend backend;
    try {
      backend = Devices.get(Device.of(device == null ? "cuda" : device));
      Check.that(backend.device().kind().startsWith("cuda"), "%s is none", backend.device());
    } catch (IllegalStateException | IllegalArgumentException none) {
      System.err.println("bench: --kernel needs an NVIDIA card: " + none.getMessage());
      return 1;
    }
    System.out.println(backend.describe());
    try {
      return new Workshop(backend).print(chosen) ? 0 : 1;
    } catch (IllegalStateException failure) {
      System.err.println("bench: " + failure.getMessage());
      return 1;
    }
  }

  private boolean print(List<Subject> chosen) throws IOException {
    boolean right = true;
    for (Subject subject : chosen) {
      System.out.println("\n## " + subject.name() + "\n\n" + Figure.HEADING);
      for (Figure figure : figures(subject)) {
        System.out.println(figure.row());
        right &= figure.fault() == null;
      }
    }
    return right;
  }

  private static @Nullable String take(List<String> words, String option) {
    int at = words.indexOf(option);
    if (at < 0 || at + 1 == words.size()) {
      return null;
    }
    words.remove(at);
    return words.remove(at);
  }

  /**
   * All subjects on the current device.
   *
   * @param to takes the figures of a subject by version, as soon as they are there
   */
  public static void measure(BiConsumer<String, Map<String, Object>> to) throws IOException {
    Workshop workshop = new Workshop(Devices.current());
    for (Subject subject : SUBJECTS) {
      Map<String, Object> json = new LinkedHashMap<>();
      try {
        workshop.figures(subject).forEach(figure -> json.put(figure.kernel(), figure.json()));
      } catch (RuntimeException | OutOfMemoryError e) {
        json.put("all versions", Map.of("error", String.valueOf(e.getMessage())));
      }
      to.accept(subject.name(), json);
    }
  }

  /** What came of each version of a subject. */
  private List<Figure> figures(Subject subject) throws IOException {
    if (timed && subject != COPY && Double.isNaN(copyRate)) {
      figures(COPY);
    }
    KernelFile file = KernelFile.read(Machine.home(), subject.name());
    List<Figure> figures = new ArrayList<>();
    try (OwnKernels kernels = OwnKernels.compile(backend.device(), file.path())) {
      List<@Nullable String> faults = faults(subject, kernels, file.ideas().size());
      double[] ms = timed ? times(subject, kernels, faults) : new double[0];
      int[] sizes = subject.timed();
      if (timed && subject == COPY) {
        double best = java.util.Arrays.stream(ms).filter(t -> t > 0).min().orElse(Double.NaN);
        copyRate = subject.bytes(sizes) / best;
      }
      for (int i = 0; i < faults.size(); i++) {
        figures.add(
            new Figure(
                subject.kernel(i + 1),
                file.ideas().get(i),
                faults.get(i),
                timed ? ms[i] : Double.NaN,
                subject.bytes(sizes),
                subject.flops(sizes),
                copyRate));
      }
    }
    return figures;
  }

  /** The first thing that is wrong with each version, or null. */
  private List<@Nullable String> faults(Subject subject, OwnKernels kernels, int versions) {
    List<int[]> problems = new ArrayList<>(List.of(subject.sizes()));
    if (timed) {
      problems.add(subject.large());
    }
    List<@Nullable String> faults = new ArrayList<>();
    for (int version = 1; version <= versions; version++) {
      faults.add(null);
    }
    for (int[] sizes : problems) {
      try (Trial trial = new Trial(subject, sizes, backend)) {
        for (int i = 0; i < versions; i++) {
          if (faults.get(i) == null) {
            faults.set(i, trial.fault(i + 1, kernels));
          }
        }
      }
    }
    return faults;
  }

  /** Milliseconds of each version that is right, NaN of the others. */
  private double[] times(Subject subject, OwnKernels kernels, List<@Nullable String> faults) {
    double[] ms = new double[faults.size()];
    try (Timing timing = new Timing(subject, backend, Timing.FLUSH)) {
      for (int i = 0; i < ms.length; i++) {
        ms[i] = faults.get(i) == null ? timing.milliseconds(i + 1, kernels) : Double.NaN;
      }
    }
    return ms;
  }
}
