package dev.thaw.bench.peers;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.data.BatchSource;
import dev.thaw.io.NdArray;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.models.StateDict;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Schedule;
import dev.thaw.train.Listener;
import dev.thaw.train.Trainer;
import dev.thaw.train.TrainingOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What Thaw's trainer made of the same start and batches. Arrays are in PyTorch's names and layout.
 *
 * @param losses before each step
 * @param gradients of the last step
 * @param state weights and running statistics in the end
 */
record Trial(double[] losses, Map<String, NdArray> gradients, Map<String, NdArray> state) {
  /** Copies all of {@code state} into {@code model}. */
  static void load(Module model, Map<String, NdArray> state) {
    StateDict.Report report = StateDict.load(model, state);
    Check.that(
        report.isComplete() && report.unexpected().isEmpty(),
        "parity: not the same net: %s",
        report);
  }

  /** Gives an optimizer moments, {@code moment0/NAME} and so on, and the steps it has made. */
  static void restore(Module model, Optimizer optimizer, Golden saved, int steps) {
    Backend backend = Devices.current();
    optimizer
        .moments()
        .forEach(
            (name, moments) -> {
              Parameter p = parameter(model, name);
              for (int m = 0; m < moments.size(); m++) {
                float[] values = saved.array("moment" + m + "/" + name).floats();
                ByteBuffer bytes = direct(4 * values.length);
                bytes.asFloatBuffer().put(p.order().fromFile(values, p.shape()));
                backend.upload(moments.get(m), bytes);
              }
            });
    int[] counts = new int[optimizer.trainable().size()];
    java.util.Arrays.fill(counts, steps);
    optimizer.setStepCounts(counts);
  }

  /** Trains over all of {@code batches} once, op by op or by replaying a recorded step. */
  static Trial run(
      Module model, Optimizer optimizer, BatchSource batches, Schedule schedule, boolean eager)
      throws IOException {
    List<Double> losses = new ArrayList<>();
    List<String> notes = new ArrayList<>();
    Listener listener =
        new Listener() {
          @Override
          public void step(Step step) {
            losses.add(step.loss());
          }

          @Override
          public void note(String line) {
            notes.add(line);
          }
        };
    TrainingOptions options = TrainingOptions.epochs(1).schedule(schedule);
    Trainer trainer = new Trainer(model, optimizer, batches, options).listen(listener);
    (eager ? trainer.eager() : trainer).run();
    // A step that could not be recorded would be compared as if it had been.
    Check.that(notes.isEmpty(), "parity: %s", notes);
    double[] values = losses.stream().mapToDouble(Double::doubleValue).toArray();
    return new Trial(values, gradients(model), StateDict.of(model));
  }

  /** The gradients' memory holds those of the last step until the next one writes it. */
  private static Map<String, NdArray> gradients(Module model) {
    Map<String, NdArray> gradients = new LinkedHashMap<>();
    model
        .parameters()
        .forEach(
            (name, p) -> {
              Buffer buffer =
                  java.util.Objects.requireNonNull(
                      p.value().slot().buffer(), () -> name + " has no gradient");
              ByteBuffer bytes = direct((int) buffer.bytes());
              Devices.current().download(bytes, buffer);
              float[] values = new float[(int) buffer.elements()];
              bytes.asFloatBuffer().get(values);
              gradients.put(
                  name,
                  NdArray.of(p.order().inFile(p.shape()), p.order().toFile(values, p.shape())));
            });
    return gradients;
  }

  private static Parameter parameter(Module model, String name) {
    return java.util.Objects.requireNonNull(model.parameters().get(name));
  }

  private static ByteBuffer direct(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
  }
}
