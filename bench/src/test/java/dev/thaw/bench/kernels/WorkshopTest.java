package dev.thaw.bench.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Backend;
import dev.thaw.bench.Machine;
import dev.thaw.bench.OnACard;
import dev.thaw.cuda.OwnKernels;
import dev.thaw.memory.Buffer;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every version of every kernel in bench/kernels computes what its subject says. */
class WorkshopTest {
  private final Backend backend = OnACard.backend();

  private OwnKernels compiled(String name) throws IOException {
    return OwnKernels.compile(backend.device(), KernelFile.read(Machine.home(), name).path());
  }

  static List<String> names() {
    return Workshop.names();
  }

  @ParameterizedTest
  @MethodSource("names")
  void everyVersionIsRight(String name) throws IOException {
    Subject subject = Workshop.SUBJECTS.get(Workshop.names().indexOf(name));
    int versions = KernelFile.read(Machine.home(), subject.name()).ideas().size();
    assertTrue(versions > 1, subject.name());
    long before = backend.pool().liveBytes();
    try (OwnKernels kernels = compiled(subject.name())) {
      for (int[] sizes : subject.sizes()) {
        try (Trial trial = new Trial(subject, sizes, backend)) {
          for (int version = 1; version <= versions; version++) {
            assertNull(trial.fault(version, kernels));
          }
        }
      }
    }
    assertEquals(before, backend.pool().liveBytes());
  }

  @Test
  void everyFileHasASubject() throws IOException {
    try (Stream<java.nio.file.Path> files =
        Files.list(Machine.home().resolve("bench").resolve("kernels"))) {
      Set<String> found =
          files.map(f -> f.getFileName() + "").collect(Collectors.toCollection(TreeSet::new));
      Set<String> known =
          Workshop.names().stream()
              .map(name -> name + ".cu")
              .collect(Collectors.toCollection(TreeSet::new));
      assertEquals(known, found);
    }
  }

  @Test
  void findsWhatIsWrong() throws IOException {
    assertEquals("y[99]: expected", wrong(-1, false).substring(0, 15));
    assertEquals("y[100] was written, beside its 100", wrong(1, false));
    assertEquals("x[0], an input, was written", wrong(0, true));
  }

  @Test
  void whatIsTimedIsRunOnBuffersOfItsSize() throws IOException {
    long before = backend.pool().liveBytes();
    Set<String> ran = new TreeSet<>();
    Subject copy =
        new Planted(new Copy()) {
          @Override
          public int[] timed() {
            return new int[] {1000};
          }

          @Override
          public void launch(int version, OwnKernels own, Buffer[] at, int[] s) {
            ran.add(version + " of " + s[0] + " in " + at[0].elements());
            new Copy().launch(version, own, at, s);
          }
        };
    try (OwnKernels kernels = compiled("copy");
        Timing timing = new Timing(copy, backend, 100)) {
      assertTrue(timing.milliseconds(2, kernels) >= 0);
    }
    assertEquals(Set.of("2 of 1000 in 1000"), ran);
    assertEquals(before, backend.pool().liveBytes());
  }

  @Test
  void figuresAsLines() {
    Figure timed = new Figure("copy_1", "plain", null, 0.5, 2e9, 0, 8e9);
    assertEquals("| copy_1 | 0.500 | 4000 |  | 50 % | plain |", timed.row());
    assertEquals("{idea=plain, ms=0.5, GBps=4000.0, share=0.5}", timed.json() + "");
    Figure product = new Figure("gemm_1", "plain", null, 2, 2e9, 4e10, 8e9);
    assertEquals("| gemm_1 | 2.000 | 1000 | 20.0 |  | plain |", product.row());
    assertEquals("{idea=plain, ms=2.0, GBps=1000.0, TFLOPs=20.0}", product.json() + "");
    Figure wrong = new Figure("copy_2", "loop", "y[3]", Double.NaN, 2e9, 0, 8e9);
    assertEquals("| copy_2 | wrong |  |  |  | y[3] |", wrong.row());
    assertEquals("{idea=loop, error=y[3]}", wrong.json() + "");
  }

  @Test
  void words() throws IOException {
    if (backend.device().kind().equals("cuda-sim")) {
      assertEquals(0, Workshop.run(List.of("--kernel", "transpose", "--device", "cuda-sim")));
      assertEquals(1, Workshop.run(List.of("--kernel", "transpose")), "there is no card");
    }
    assertEquals(1, Workshop.run(List.of("--kernel", "copy", "--device", "cpu")), "no card either");
    assertEquals(2, Workshop.run(List.of("--kernel", "convolution")));
    assertEquals(2, Workshop.run(List.of("--kernel")));
    assertEquals(2, Workshop.run(List.of("--kernel", "copy", "SeedCnn")));
  }

  /**
   * What is found of a copy of 100 numbers and {@code more}, whose input is shifted behind it or
   * not.
   */
  private String wrong(int more, boolean shifts) throws IOException {
    Copy copy = new Copy();
    int[] sizes = {100};
    try (OwnKernels kernels = compiled("copy");
        Trial trial =
            new Trial(
                new Planted(copy) {
                  @Override
                  public void launch(int version, OwnKernels own, Buffer[] at, int[] s) {
                    copy.launch(1, own, at, new int[] {s[0] + more});
                    if (shifts) {
                      Buffer rest = at[1].slice(1, s[0] - 1);
                      copy.launch(1, own, new Buffer[] {at[1], rest}, new int[] {s[0] - 1});
                      rest.release();
                    }
                  }
                },
                sizes,
                backend)) {
      String fault = String.valueOf(trial.fault(1, kernels));
      String head = "copy_1 at [100]: ";
      assertTrue(fault.startsWith(head), fault);
      return fault.substring(head.length());
    }
  }

  /** A subject with a launch of its own. */
  private abstract static class Planted implements Subject {
    private final Subject of;

    Planted(Subject of) {
      this.of = of;
    }

    @Override
    public String name() {
      return of.name();
    }

    @Override
    public int[][] sizes() {
      return of.sizes();
    }

    @Override
    public int[] large() {
      return of.large();
    }

    @Override
    public int[] timed() {
      return of.timed();
    }

    @Override
    public List<Operand> operands(int[] sizes) {
      return of.operands(sizes);
    }

    @Override
    public void reference(double[][] at, int[] sizes) {
      of.reference(at, sizes);
    }

    @Override
    public double bytes(int[] sizes) {
      return of.bytes(sizes);
    }
  }
}
