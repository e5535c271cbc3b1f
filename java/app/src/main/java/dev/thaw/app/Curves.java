package dev.thaw.app;

import dev.thaw.train.Listener;
import java.util.ArrayList;
import java.util.List;

/** Remembers a training's losses and accuracies, for the report and the JSON. */
final class Curves implements Listener {
  /**
   * A step's loss.
   *
   * @param step counted from 1
   */
  record Point(long step, double loss, double gradientNorm) {}

  /**
   * An epoch's end.
   *
   * @param step the last one of the epoch
   * @param validationLoss NaN without validation
   * @param accuracy NaN without validation
   */
  record Mark(long step, int epoch, double loss, double validationLoss, double accuracy) {}

  private final List<Point> steps = new ArrayList<>();
  private final List<Mark> epochs = new ArrayList<>();
  private long last;
  private long images;

  @Override
  public boolean looksAtTheModel() {
    return false;
  }

  @Override
  public void step(Step step) {
    last = step.step();
    images += step.examples();
    steps.add(new Point(step.step(), step.loss(), step.gradientNorm()));
  }

  @Override
  public void epoch(Epoch epoch) {
    var validation = epoch.validation();
    epochs.add(
        new Mark(
            last,
            epoch.epoch(),
            epoch.loss(),
            validation == null ? Double.NaN : validation.loss(),
            validation == null ? Double.NaN : validation.accuracy()));
  }

  /** Every step of this run, in order. */
  List<Point> steps() {
    return steps;
  }

  /** Every epoch of this run, in order. */
  List<Mark> epochs() {
    return epochs;
  }

  /** Examples trained on in this run, each as often as it was seen. */
  long images() {
    return images;
  }
}
