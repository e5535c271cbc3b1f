package dev.thaw.train;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.io.Json;
import dev.thaw.io.NdArray;
import dev.thaw.io.Safetensors;
import dev.thaw.memory.BadFileException;
import dev.thaw.memory.Buffer;
import dev.thaw.models.StateDict;
import dev.thaw.nn.BatchNorm;
import dev.thaw.nn.Dropout;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Everything a training needs to go on to the bit, in one safetensors file: weights and running
 * statistics, moments and step counts, freeze flags and norm policies, the position in data and
 * schedule, the random numbers' position, the best weights so far, and what it was computed with.
 */
final class Checkpoint {
  private static final String KEY = "thaw.checkpoint";
  private static final String MOMENT = "optimizer.moment";
  private static final String BEST = "best.";

  private Checkpoint() {}

  static void write(Path file, Trainer trainer) throws IOException {
    Map<String, NdArray> tensors = new LinkedHashMap<>(StateDict.of(trainer.model()));
    Backend backend = Devices.get(Evaluation.deviceOf(trainer.model()));
    Map<String, Parameter> parameters = trainer.model().parameters();
    trainer
        .optimizer()
        .moments()
        .forEach(
            (name, moments) -> {
              for (int m = 0; m < moments.size(); m++) {
                Shape shape = java.util.Objects.requireNonNull(parameters.get(name)).shape();
                tensors.put(MOMENT + m + "." + name, array(backend, moments.get(m), shape));
              }
            });
    Map<String, NdArray> best = trainer.best().state();
    if (best != null) {
      best.forEach((name, array) -> tensors.put(BEST + name, array));
    }
    Map<String, String> metadata = Map.of(KEY, Json.write(position(trainer, backend)));
    Safetensors.write(file, metadata, tensors);
  }

  private static NdArray array(Backend backend, Buffer buffer, Shape shape) {
    ByteBuffer bytes = ByteBuffer.allocate((int) buffer.bytes()).order(ByteOrder.nativeOrder());
    backend.download(bytes, buffer);
    return new NdArray(buffer.dtype(), shape, bytes);
  }

  private static Map<String, Object> position(Trainer trainer, Backend backend) {
    Position at = trainer.position();
    Map<String, Object> p = new LinkedHashMap<>();
    p.put("step", at.step);
    p.put("total", trainer.totalSteps());
    p.put("epoch", at.epoch);
    p.put("batch", at.batch);
    p.put("skipped", at.skipped);
    p.put("skipped_in_a_row", at.skippedInARow);
    // As bits: a decimal fraction would not always come back the same.
    p.put("epoch_loss", Double.doubleToRawLongBits(at.epochLoss));
    p.put("epoch_steps", at.epochSteps);
    p.put("seed", trainer.options().seed());
    p.put("precision", trainer.precision().toString());
    p.put("calls", trainer.generator().call());
    p.put("best_loss", Double.doubleToRawLongBits(trainer.best().loss()));
    p.put("best_since", trainer.best().since());
    p.put("rule", trainer.optimizer().rule().name());
    p.put("trainable", trainer.optimizer().trainable());
    List<Integer> counts = new ArrayList<>();
    for (int count : trainer.optimizer().stepCounts()) {
      counts.add(count);
    }
    p.put("step_counts", counts);
    p.put("frozen", frozen(trainer.model()));
    p.put("frozen_dropout", frozenDropout(trainer.model()));
    p.put("norms", norms(trainer.model()));
    p.put("device", backend.device().toString());
    p.put("backend", backend.describe());
    return p;
  }

  private static List<String> frozen(Module model) {
    List<String> frozen = new ArrayList<>();
    model
        .parameters()
        .forEach(
            (name, p) -> {
              if (p.isFrozen()) {
                frozen.add(name);
              }
            });
    return frozen;
  }

  private static List<String> frozenDropout(Module model) {
    List<String> frozen = new ArrayList<>();
    model
        .modules()
        .forEach(
            (name, m) -> {
              if (m instanceof Dropout dropout && dropout.isFrozen()) {
                frozen.add(name);
              }
            });
    return frozen;
  }

  private static Map<String, String> norms(Module model) {
    Map<String, String> norms = new LinkedHashMap<>();
    model
        .modules()
        .forEach(
            (name, m) -> {
              if (m instanceof BatchNorm norm) {
                norms.put(name, norm.policy().name());
              }
            });
    return norms;
  }

  static void read(Path file, Trainer trainer) throws IOException {
    try (Safetensors tensors = Safetensors.open(file)) {
      String text = tensors.metadata().get(KEY);
      if (text == null) {
        throw new BadFileException(
            file,
            -1,
            "a training checkpoint",
            "no " + KEY + " in its metadata",
            "give the file that --checkpoint wrote");
      }
      restore(file, tensors, Json.readObject(text, file), trainer);
    } catch (ClassCastException | NullPointerException e) {
      throw new BadFileException(
          file,
          -1,
          "a checkpoint as Thaw writes it",
          String.valueOf(e.getMessage()),
          "start anew",
          e);
    }
  }

  private static void restore(
      Path file, Safetensors tensors, Map<String, Object> p, Trainer trainer) throws IOException {
    expect(file, "seed", p.get("seed"), trainer.options().seed());
    expect(file, "precision", p.getOrDefault("precision", "fp32"), trainer.precision());
    expect(file, "optimizer", p.get("rule"), trainer.optimizer().rule().name());
    expect(file, "total of steps", p.get("total"), trainer.totalSteps());
    restoreFlags(trainer.model(), p);
    Map<String, NdArray> state = new LinkedHashMap<>();
    Map<String, NdArray> best = new LinkedHashMap<>();
    for (Safetensors.Entry entry : tensors.entries()) {
      String name = entry.name();
      if (name.startsWith(BEST)) {
        best.put(name.substring(BEST.length()), entry.read());
      } else if (!name.startsWith(MOMENT)) {
        state.put(name, entry.read());
      }
    }
    StateDict.Report report = StateDict.load(trainer.model(), state);
    if (!report.isComplete()) {
      throw new BadFileException(
          file,
          -1,
          "a checkpoint of this model",
          report.toString(),
          "resume with the same --model");
    }
    expect(file, "trainable parameters", p.get("trainable"), trainer.optimizer().trainable());
    restoreMoments(tensors, trainer);
    int[] counts =
        ((List<?>) required(p, "step_counts"))
            .stream().mapToInt(c -> ((Number) c).intValue()).toArray();
    trainer.optimizer().setStepCounts(counts);
    Position at = trainer.position();
    at.step = number(p, "step");
    at.epoch = (int) number(p, "epoch");
    at.batch = (int) number(p, "batch");
    at.skipped = number(p, "skipped");
    at.skippedInARow = (int) number(p, "skipped_in_a_row");
    at.epochLoss = Double.longBitsToDouble(number(p, "epoch_loss"));
    at.epochSteps = number(p, "epoch_steps");
    trainer.generator().seek((int) number(p, "calls"));
    double loss = Double.longBitsToDouble(number(p, "best_loss"));
    trainer.best().restore(loss, (int) number(p, "best_since"), best.isEmpty() ? null : best);
  }

  private static void restoreFlags(Module model, Map<String, Object> p) {
    List<?> frozen = (List<?>) required(p, "frozen");
    model.parameters().forEach((name, parameter) -> parameter.freeze(frozen.contains(name)));
    List<?> dropout = (List<?>) required(p, "frozen_dropout");
    Map<?, ?> norms = (Map<?, ?>) required(p, "norms");
    model
        .modules()
        .forEach(
            (name, m) -> {
              if (m instanceof BatchNorm norm && norms.get(name) instanceof String policy) {
                norm.policy(dev.thaw.nn.BnPolicy.valueOf(policy));
              } else if (m instanceof Dropout d) {
                d.freeze(dropout.contains(name));
              }
            });
  }

  private static void restoreMoments(Safetensors tensors, Trainer trainer) throws IOException {
    Backend backend = Devices.get(Evaluation.deviceOf(trainer.model()));
    for (Map.Entry<String, List<Buffer>> e : trainer.optimizer().moments().entrySet()) {
      for (int m = 0; m < e.getValue().size(); m++) {
        NdArray saved = tensors.entry(MOMENT + m + "." + e.getKey()).read();
        backend.upload(e.getValue().get(m), saved.data().order(ByteOrder.nativeOrder()));
      }
    }
  }

  private static void expect(Path file, String what, @Nullable Object saved, Object now)
      throws IOException {
    if (!String.valueOf(saved).equals(String.valueOf(now))) {
      throw new BadFileException(
          file,
          -1,
          "a checkpoint with " + what + " " + now,
          String.valueOf(saved),
          "resume with the options the training was started with");
    }
  }

  private static Object required(Map<String, Object> p, String key) {
    return java.util.Objects.requireNonNull(p.get(key), key + " is missing");
  }

  private static long number(Map<String, Object> p, String key) {
    return ((Number) required(p, key)).longValue();
  }
}
