package dev.thaw.models;

import dev.thaw.io.NdArray;
import dev.thaw.nn.FileOrder;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * A model's parameters and buffers by name, in PyTorch's names and layout: what files hold. {@code
 * num_batches_tracked} is neither written nor missed.
 */
public final class StateDict {
  private static final String COUNTER = "num_batches_tracked";

  private StateDict() {}

  /** Copies of all values of {@code model}. */
  public static Map<String, NdArray> of(Module model) {
    Map<String, NdArray> state = new LinkedHashMap<>();
    model.parameters().forEach((name, p) -> state.put(name, array(p.value(), p.order())));
    model.buffers().forEach((name, b) -> state.put(name, array(b, FileOrder.IDENTITY)));
    return state;
  }

  private static NdArray array(Tensor value, FileOrder order) {
    return NdArray.of(order.inFile(value.shape()), order.toFile(value.toFloats(), value.shape()));
  }

  /**
   * What became of a file's tensors.
   *
   * @param loaded names that were found and fit
   * @param missing names the model has and the file has not
   * @param unexpected names the file has and the model has not
   * @param misshapen names whose shapes differ, with both shapes
   */
  public record Report(
      List<String> loaded, List<String> missing, List<String> unexpected, List<String> misshapen) {
    /** Whether every tensor of the model was loaded. */
    public boolean isComplete() {
      return missing.isEmpty() && misshapen.isEmpty();
    }

    /** All of it in a few lines. */
    @Override
    public String toString() {
      StringBuilder text = new StringBuilder(loaded.size() + " tensors loaded");
      append(text, "missing", missing);
      append(text, "unexpected", unexpected);
      append(text, "of another shape", misshapen);
      return text.toString();
    }

    private static void append(StringBuilder text, String what, List<String> names) {
      if (!names.isEmpty()) {
        text.append("; ").append(names.size()).append(' ').append(what).append(": ");
        text.append(String.join(", ", names));
      }
    }
  }

  /**
   * Copies {@code state} into {@code model} where name and shape fit; the rest of the model stays.
   * Nothing is judged: the report says what was found.
   */
  public static Report load(Module model, Map<String, NdArray> state) {
    List<String> loaded = new ArrayList<>();
    List<String> missing = new ArrayList<>();
    List<String> misshapen = new ArrayList<>();
    TreeSet<String> unexpected = new TreeSet<>(state.keySet());
    unexpected.removeIf(name -> name.equals(COUNTER) || name.endsWith("." + COUNTER));
    for (Map.Entry<String, Parameter> e : model.parameters().entrySet()) {
      Parameter p = e.getValue();
      Shape expected = p.order().inFile(p.shape());
      if (fits(e.getKey(), expected, state, missing, misshapen)) {
        p.set(p.order().fromFile(found(state, e.getKey()).floats(), p.shape()));
        loaded.add(e.getKey());
      }
      unexpected.remove(e.getKey());
    }
    for (Map.Entry<String, Tensor> e : model.buffers().entrySet()) {
      if (fits(e.getKey(), e.getValue().shape(), state, missing, misshapen)) {
        Parameter.set(e.getValue(), found(state, e.getKey()).floats());
        loaded.add(e.getKey());
      }
      unexpected.remove(e.getKey());
    }
    return new Report(loaded, missing, List.copyOf(unexpected), misshapen);
  }

  private static NdArray found(Map<String, NdArray> state, String name) {
    return java.util.Objects.requireNonNull(state.get(name));
  }

  private static boolean fits(
      String name,
      Shape expected,
      Map<String, NdArray> state,
      List<String> missing,
      List<String> misshapen) {
    NdArray array = state.get(name);
    if (array == null) {
      missing.add(name);
      return false;
    }
    if (!array.shape().equals(expected)) {
      misshapen.add(name + " " + array.shape() + " for " + expected);
      return false;
    }
    return true;
  }
}
