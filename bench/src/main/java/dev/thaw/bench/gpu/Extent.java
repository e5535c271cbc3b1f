package dev.thaw.bench.gpu;

import dev.thaw.plan.Precision;
import java.util.ArrayList;
import java.util.List;

/**
 * How much is measured: what keeps a card busy, or so little that a stand-in for one gets through
 * it, which shows that every part works before a card is at hand.
 *
 * @param rows a multiple of 4096
 * @param columns or channels; 2¹⁷ rows of 256 are 128 MiB of float32 (batch 32 of 56 x 56 pictures
 *     with 256 channels is 98 MiB)
 * @param kernelSeconds of a round
 * @param product rows and columns of the largest matrices
 * @param convolutionBatch pictures
 * @param ownConvolutionBatch the same for our own kernels, which are slower
 * @param convolutionSeconds of a round; there are some four hundred rates to find
 * @param convolutions channels in and out, kernel, stride, padding, side of the picture
 * @param stepSeconds of a round
 * @param steps what matters most first
 * @param compiledSteps those that are measured once more where cuDNN may compile engines, so that
 *     convolutions may bring the statistics of the norms behind them
 * @param lossBatch pictures of a step whose loss is looked at
 * @param lossSteps of a training
 * @param lossSeeds trainings from other weights: two precisions go apart as two seeds do, so that a
 *     single one says little
 */
record Extent(
    int rows,
    int columns,
    double kernelSeconds,
    int product,
    int convolutionBatch,
    int ownConvolutionBatch,
    double convolutionSeconds,
    int[][] convolutions,
    double stepSeconds,
    List<Steps> steps,
    List<Steps> compiledSteps,
    int lossBatch,
    int lossSteps,
    int lossSeeds) {

  private static final Steps RESNET = new Steps("resnet50", 256, Precision.BF16, false, true);

  /** For a card. */
  static final Extent CARD =
      new Extent(
          1 << 17,
          256,
          0.04,
          8192,
          256,
          16,
          0.01,
          distinctOfResNet50(),
          0.2,
          stepsOfACard(),
          List.of(RESNET),
          64,
          400,
          4);

  /** For a stand-in. */
  static final Extent REHEARSAL =
      new Extent(
          1 << 12,
          16,
          0,
          64,
          1,
          1,
          0,
          new int[][] {{8, 16, 3, 2, 1, 9}},
          0,
          List.of(
              new Steps("mlp", 2, Precision.FP32, false, true),
              new Steps("mlp", 2, Precision.FP32, false, false),
              new Steps("seed-cnn", 2, Precision.FP32, false, true),
              new Steps("seed-cnn", 2, Precision.BF16, true, true)),
          List.of(new Steps("seed-cnn", 2, Precision.BF16, false, true)),
          2,
          2,
          2);

  private static List<Steps> stepsOfACard() {
    List<Steps> all = new ArrayList<>();
    for (boolean graph : new boolean[] {true, false}) {
      all.add(new Steps("seed-cnn", 64, Precision.FP32, false, graph));
      all.add(new Steps("mlp", 32, Precision.FP32, false, graph));
    }
    all.add(RESNET);
    all.add(new Steps("resnet50", 256, Precision.BF16, true, true));
    for (String model : List.of("resnet50", "resnet18")) {
      for (int batch : new int[] {64, 256}) {
        for (Precision precision : List.of(Precision.BF16, Precision.TF32, Precision.FP32)) {
          Steps steps = new Steps(model, batch, precision, false, true);
          if (!all.contains(steps)) {
            all.add(steps);
          }
        }
      }
    }
    return List.copyOf(all);
  }

  private static int[][] distinctOfResNet50() {
    return new int[][] {
      {3, 64, 7, 2, 3, 224},
      {64, 64, 1, 1, 0, 56},
      {64, 64, 3, 1, 1, 56},
      {64, 256, 1, 1, 0, 56},
      {256, 64, 1, 1, 0, 56},
      {256, 128, 1, 1, 0, 56},
      {128, 128, 3, 2, 1, 56},
      {256, 512, 1, 2, 0, 56},
      {128, 512, 1, 1, 0, 28},
      {512, 128, 1, 1, 0, 28},
      {128, 128, 3, 1, 1, 28},
      {512, 256, 1, 1, 0, 28},
      {256, 256, 3, 2, 1, 28},
      {512, 1024, 1, 2, 0, 28},
      {256, 1024, 1, 1, 0, 14},
      {1024, 256, 1, 1, 0, 14},
      {256, 256, 3, 1, 1, 14},
      {1024, 512, 1, 1, 0, 14},
      {512, 512, 3, 2, 1, 14},
      {1024, 2048, 1, 2, 0, 14},
      {512, 2048, 1, 1, 0, 7},
      {2048, 512, 1, 1, 0, 7},
      {512, 512, 3, 1, 1, 7}
    };
  }
}
