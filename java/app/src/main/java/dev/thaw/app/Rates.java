package dev.thaw.app;

import dev.thaw.models.ModelCard;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Rates of a fine-tune. A rate is a step's length on a loss surface that the pre-training has
 * already found a good one for; so without other words a new head learns by a tenth of that, and
 * what was learned before moves by a hundredth.
 *
 * @param head peak rate of the head
 * @param rest peak rate of all other layers that are trained
 * @param reason where the numbers come from
 */
record Rates(double head, double rest, String reason) {
  /** Name of the rule that {@code card}'s model was pre-trained with, or sgd. */
  static String rule(ModelCard card) {
    Object rule = pretraining(card).get("optimizer");
    return rule instanceof String name && name.matches("sgd|adam|adamw") ? name : "sgd";
  }

  /** The first training that a file tells of. */
  private static Map<String, Object> pretraining(ModelCard card) {
    return card.history().isEmpty() ? Map.of() : card.history().get(0);
  }

  /**
   * Rates for a fine-tune of {@code card}'s model by {@code rule}.
   *
   * @param asked {@code --lr}, or null
   * @param askedHead {@code --head-lr}, or null
   */
  static Rates of(ModelCard card, String rule, @Nullable Double asked, @Nullable Double askedHead) {
    if (asked != null) {
      return new Rates(askedHead == null ? asked : askedHead, asked, "as asked for");
    }
    Map<String, Object> first = pretraining(card);
    double peak = OptimizerOptions.defaultRate(rule);
    String reason = "1/10 and 1/100 of the usual rate " + peak + " of " + rule;
    // A rate says nothing about another rule's.
    if (rule.equals(first.get("optimizer")) && first.get("rate") instanceof Number known) {
      peak = known.doubleValue();
      reason = "1/10 and 1/100 of the pre-training's rate " + peak;
    }
    return new Rates(askedHead == null ? peak / 10 : askedHead, peak / 100, reason);
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT, "rates: head %.3g, other layers %.3g (%s)", head, rest, reason);
  }
}
