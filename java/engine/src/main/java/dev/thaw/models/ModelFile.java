package dev.thaw.models;

import dev.thaw.io.Json;
import dev.thaw.io.NdArray;
import dev.thaw.io.Safetensors;
import dev.thaw.memory.BadFileException;
import dev.thaw.nn.BatchNorm;
import dev.thaw.nn.BnPolicy;
import dev.thaw.nn.Module;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A whole model in one safetensors file: tensors with PyTorch's names and layout, which any tool
 * opens, and the {@link ModelCard} with freeze flags and norm policies as metadata under {@code
 * thaw.*} keys, each a JSON value.
 */
public final class ModelFile {
  /** The engine's version, written into every file. */
  public static final String VERSION = "0.1.0";

  private static final String ARCHITECTURE = "thaw.architecture";
  private static final String EXAMPLE = "thaw.example";
  private static final String CLASSES = "thaw.classes";
  private static final String PREPROCESSING = "thaw.preprocessing";
  private static final String FROZEN = "thaw.frozen";
  private static final String NORMS = "thaw.norms";
  private static final String HISTORY = "thaw.history";
  private static final String ENGINE = "thaw.version";

  private ModelFile() {}

  /**
   * A model and what its file said.
   *
   * @param module on the current device, in inference mode; the caller closes it
   * @param card the metadata
   */
  public record Loaded(Module module, ModelCard card) {}

  /**
   * Writes {@code model}; the file appears whole under its name or not at all.
   *
   * @throws IOException when it cannot be written; an older file is kept
   */
  public static void save(Path file, Module model, ModelCard card) throws IOException {
    Safetensors.write(file, metadata(model, card), StateDict.of(model));
  }

  /** The metadata of {@link #save}. */
  public static Map<String, String> metadata(Module model, ModelCard card) {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("format", "pt");
    metadata.put(ENGINE, VERSION);
    metadata.put(ARCHITECTURE, card.architecture());
    List<Integer> example = new ArrayList<>();
    for (int d : card.example().dims()) {
      example.add(d);
    }
    metadata.put(EXAMPLE, Json.write(example));
    metadata.put(CLASSES, Json.write(card.classes()));
    metadata.put(
        PREPROCESSING, Json.write(Map.of("scale", "0..1", "mean", card.mean(), "std", card.std())));
    List<String> frozen = new ArrayList<>();
    model
        .parameters()
        .forEach(
            (name, p) -> {
              if (p.isFrozen()) {
                frozen.add(name);
              }
            });
    metadata.put(FROZEN, Json.write(frozen));
    metadata.put(NORMS, Json.write(policies(model)));
    metadata.put(HISTORY, Json.write(card.history()));
    return metadata;
  }

  private static Map<String, String> policies(Module model) {
    Map<String, String> policies = new LinkedHashMap<>();
    model
        .modules()
        .forEach(
            (name, module) -> {
              // A norm that is trained follows the batch, unless something else is said.
              if (module instanceof BatchNorm norm
                  && (norm.policy() != BnPolicy.TRAIN_ALL || norm.weight().isFrozen())) {
                policies.put(name, norm.policy().toString());
              }
            });
    return policies;
  }

  /**
   * Builds the model of {@code file} on the current device and loads its tensors.
   *
   * @throws BadFileException when the file is no Thaw model or does not hold every tensor of its
   *     architecture; names them all
   */
  public static Loaded load(Path file) throws IOException {
    try (Safetensors tensors = Safetensors.open(file)) {
      ModelCard card = card(file, tensors.metadata());
      Module model = build(file, card);
      try {
        Map<String, NdArray> state = read(tensors);
        StateDict.Report report = StateDict.load(model, state);
        if (!report.isComplete()) {
          throw new BadFileException(
              file,
              -1,
              "every tensor of " + card.architecture(),
              report.toString(),
              "the file was changed after it was saved, or belongs to another architecture");
        }
        restore(file, model, tensors.metadata());
        model.eval();
        return new Loaded(model, card);
      } catch (IOException | RuntimeException e) {
        model.close();
        throw e;
      }
    }
  }

  private static Module build(Path file, ModelCard card) throws IOException {
    try {
      return Zoo.create(card.architecture(), card.example(), card.classes().size());
    } catch (IllegalArgumentException e) {
      throw new BadFileException(
          file,
          -1,
          "a known architecture",
          card.architecture() + " (" + e.getMessage() + ")",
          "open it with the version of Thaw that wrote it",
          e);
    }
  }

  /** All tensors of an open file. */
  static Map<String, NdArray> read(Safetensors tensors) throws IOException {
    Map<String, NdArray> state = new LinkedHashMap<>();
    for (Safetensors.Entry entry : tensors.entries()) {
      state.put(entry.name(), entry.read());
    }
    return state;
  }

  /**
   * The card in a file's metadata.
   *
   * @throws BadFileException when there is none, or a value is malformed
   */
  public static ModelCard card(Path file, Map<String, String> metadata) throws IOException {
    try {
      int[] dims =
          list(file, metadata, EXAMPLE).stream().mapToInt(d -> ((Number) d).intValue()).toArray();
      Map<String, Object> preprocessing =
          Json.readObject(required(file, metadata, PREPROCESSING), file);
      List<String> classes =
          list(file, metadata, CLASSES).stream().map(String.class::cast).toList();
      List<Map<String, Object>> history = new ArrayList<>();
      for (Object training : list(file, metadata, HISTORY)) {
        history.add(object(training));
      }
      return new ModelCard(
          required(file, metadata, ARCHITECTURE),
          Shape.of(dims),
          classes,
          numbers(preprocessing.get("mean")),
          numbers(preprocessing.get("std")),
          history);
    } catch (ClassCastException | IllegalArgumentException | NullPointerException e) {
      throw new BadFileException(
          file,
          -1,
          "metadata as Thaw writes it",
          String.valueOf(e.getMessage()),
          "save it again",
          e);
    }
  }

  @SuppressWarnings("unchecked") // Json builds maps with text keys only
  private static Map<String, Object> object(Object value) {
    return (Map<String, Object>) value;
  }

  private static List<Double> numbers(@org.jspecify.annotations.Nullable Object value) {
    List<Double> numbers = new ArrayList<>();
    for (Object n : (List<?>) java.util.Objects.requireNonNull(value, "no list of numbers")) {
      numbers.add(((Number) java.util.Objects.requireNonNull(n)).doubleValue());
    }
    return numbers;
  }

  private static List<?> list(Path file, Map<String, String> metadata, String key)
      throws IOException {
    Object value = Json.read(required(file, metadata, key), file);
    return (List<?>) java.util.Objects.requireNonNull(value, key + " is null");
  }

  private static String required(Path file, Map<String, String> metadata, String key)
      throws IOException {
    String value = metadata.get(key);
    if (value == null) {
      throw new BadFileException(
          file,
          -1,
          "a model saved by Thaw, with " + key + " in its metadata",
          metadata.isEmpty() ? "no metadata" : "metadata " + metadata.keySet(),
          "name the architecture with --model, and --labels for its classes");
    }
    return value;
  }

  private static void restore(Path file, Module model, Map<String, String> metadata)
      throws IOException {
    if (metadata.containsKey(FROZEN)) {
      for (Object name : list(file, metadata, FROZEN)) {
        var parameter = model.parameters().get(String.valueOf(name));
        if (parameter != null) {
          parameter.freeze(true);
        }
      }
    }
    if (metadata.containsKey(NORMS)) {
      Map<String, Object> policies = Json.readObject(required(file, metadata, NORMS), file);
      policies.forEach(
          (name, policy) -> {
            if (model.modules().get(name) instanceof BatchNorm norm) {
              String constant = String.valueOf(policy).toUpperCase(Locale.ROOT).replace('-', '_');
              norm.policy(BnPolicy.valueOf(constant));
            }
          });
    }
  }

  /** The sha256 of a file, in hexadecimal: what a child's history names its parent by. */
  public static String sha256(Path file) throws IOException {
    try (var in = Files.newInputStream(file)) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      byte[] block = new byte[1 << 16];
      for (int n = in.read(block); n >= 0; n = in.read(block)) {
        digest.update(block, 0, n);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("sha256 is part of every Java runtime", e);
    }
  }
}
