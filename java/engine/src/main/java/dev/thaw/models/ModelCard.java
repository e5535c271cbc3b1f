package dev.thaw.models;

import dev.thaw.memory.Check;
import dev.thaw.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What a model file says beside its tensors: enough to build the model, to prepare pictures for it,
 * to name its answers, and to know where it comes from.
 *
 * @param architecture a name or specification that {@link Zoo} knows
 * @param example shape of one example, [1, h, w, c]
 * @param classes names of the classes, in the order of the logits
 * @param mean per channel, on the 0..1 scale
 * @param std per channel, on the 0..1 scale
 * @param history one entry a training, the oldest first: data set, optimizer, rate, metric, the
 *     parent's sha256
 */
public record ModelCard(
    String architecture,
    Shape example,
    List<String> classes,
    List<Double> mean,
    List<Double> std,
    List<Map<String, Object>> history) {
  /** Copies the lists and checks that they fit. */
  public ModelCard {
    classes = List.copyOf(classes);
    mean = List.copyOf(mean);
    std = List.copyOf(std);
    history = List.copyOf(history);
    Check.that(
        mean.size() == std.size() && std.stream().allMatch(s -> s > 0),
        "model: mean %s and std %s do not fit",
        mean,
        std);
  }

  /** The same for other classes: after a head swap. */
  public ModelCard withClasses(List<String> others) {
    return new ModelCard(architecture, example, others, mean, std, history);
  }

  /** The same with one more training behind it. */
  public ModelCard trained(Map<String, Object> training) {
    List<Map<String, Object>> longer = new ArrayList<>(history);
    longer.add(training);
    return new ModelCard(architecture, example, classes, mean, std, longer);
  }

  /** The last training, or an empty map. */
  public Map<String, Object> lastTraining() {
    return history.isEmpty() ? Map.of() : history.get(history.size() - 1);
  }
}
