package dev.thaw.bench.peers;

import dev.thaw.bench.Machine;
import dev.thaw.io.NdArray;
import dev.thaw.memory.Check;
import dev.thaw.nn.Module;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Schedule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** A run from PyTorch's start over PyTorch's batches: every loss, and the weights it ends with. */
final class RunParity {
  private static final double LOSSES = 1e-3;
  private static final double WEIGHTS = 1e-2;

  private RunParity() {}

  static void compare(Subject subject, Path folder, Verdicts verdicts) throws IOException {
    Golden golden = Golden.read(folder.resolve(subject.model + "-run.safetensors"));
    int steps = golden.note("steps");
    verdicts.title("A run of " + steps + " steps at a constant rate: " + subject.title);
    Trial eager = trial(subject, folder, steps, true);
    Trial planned = trial(subject, folder, steps, false);
    double[] losses = golden.numbers("losses");
    verdicts.add(
        "each loss, absolute and relative",
        LOSSES,
        Gap.worst(eager.losses(), losses),
        Gap.worst(planned.losses(), losses),
        Gap.worst(golden.numbers("last/losses"), losses));
    Map<String, NdArray> end = golden.under("end/");
    Map<String, NdArray> last = golden.under("last/end/");
    if (subject == Subject.SEED_CNN) {
      verdicts.add(
          "each weight in the end, relative L2",
          WEIGHTS,
          Gap.worst(eager.state(), end),
          Gap.worst(planned.state(), end),
          Gap.worst(last, end));
      return;
    }
    TreeSet<String> statistics = new TreeSet<>(end.keySet());
    statistics.removeAll(eager.gradients().keySet());
    together(
        verdicts, "all weights in the end", eager, planned, last, end, eager.gradients().keySet());
    together(verdicts, "all running statistics", eager, planned, last, end, statistics);
  }

  private static void together(
      Verdicts verdicts,
      String what,
      Trial eager,
      Trial planned,
      Map<String, NdArray> last,
      Map<String, NdArray> end,
      Iterable<String> names) {
    List<String> list = new ArrayList<>();
    names.forEach(list::add);
    verdicts.add(
        what + ", together, relative L2",
        WEIGHTS,
        Gap.together(eager.state(), end, list),
        Gap.together(planned.state(), end, list),
        Gap.together(last, end, list));
  }

  private static Trial trial(Subject subject, Path folder, int steps, boolean eager)
      throws IOException {
    Golden start = Golden.read(folder.resolve(subject.model + "-start.safetensors"));
    Golden batches = Golden.read(folder.resolve(subject.model + "-batches.safetensors"));
    SavedBatches some = new SavedBatches(batches, 0, steps);
    try (Module model = subject.create(some.example())) {
      Trial.load(model, start.arrays());
      try (Optimizer optimizer = subject.optimizer(model)) {
        return Trial.run(model, optimizer, some, Schedule.constant(), eager);
      }
    }
  }

  /** SeedCnn's run as a user would start it: {@code thaw pretrain --init FILE --shuffle no}. */
  static void throughTheCommandLine(Path folder, Path data, Verdicts verdicts) throws IOException {
    String name = Subject.SEED_CNN.model;
    Golden golden = Golden.read(folder.resolve(name + "-run.safetensors"));
    int steps = golden.note("steps");
    Path log = folder.resolve("pretrain.csv");
    Path out = folder.resolve("pretrain.safetensors");
    List<String> command = new ArrayList<>();
    command.add(Machine.home().resolve("thaw").toString());
    command.addAll(List.of("pretrain", "--model", name, "--shuffle", "no"));
    command.addAll(List.of("--init", folder.resolve(name + "-start.safetensors").toString()));
    command.addAll(List.of("--optimizer", "sgd", "--lr", "0.01", "--momentum", "0.9"));
    command.addAll(List.of("--schedule", "constant", "--mean", "0", "--std", "1"));
    command.addAll(List.of("--steps", Integer.toString(steps)));
    command.addAll(List.of("--data", data.resolve("mnist").toString()));
    command.addAll(List.of("--log", log.toString(), "--out", out.toString()));
    Python.execute(command);

    verdicts.title("The same run of SeedCnn by `thaw pretrain --init FILE --shuffle no ..`");
    double[] losses = golden.numbers("losses");
    Map<String, NdArray> end = golden.under("end/");
    verdicts.add(
        "each loss of --log, absolute and relative",
        LOSSES,
        Gap.worst(losses(log), losses),
        Gap.worst(golden.numbers("last/losses"), losses));
    verdicts.add(
        "each weight of --out, relative L2",
        WEIGHTS,
        Gap.worst(Golden.read(out).arrays(), end),
        Gap.worst(golden.under("last/end/"), end));
  }

  /** The third column of step,epoch,loss,lr,grad_norm. */
  private static double[] losses(Path log) throws IOException {
    List<String> lines = Files.readAllLines(log);
    Check.that(lines.size() > 1, "parity: nothing in %s", log);
    return lines.stream()
        .skip(1)
        .mapToDouble(line -> Double.parseDouble(line.split(",", -1)[2]))
        .toArray();
  }
}
