package dev.thaw.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.StepState;
import dev.thaw.data.Alphabet;
import dev.thaw.data.Augment;
import dev.thaw.data.BatchSource;
import dev.thaw.data.DataLoader;
import dev.thaw.data.EmbeddedCharacters;
import dev.thaw.data.Normalisation;
import dev.thaw.data.Part;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.train.Trainer;
import dev.thaw.train.TrainingOptions;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a step sends to a card: pictures as bytes where pixels are bytes, else as floats. */
final class BytesToTheCardTest {
  private static final int BATCH = 8;

  private final CudaBackend card = OnACard.backend();

  /** Bytes that so many steps upload. */
  private long uploaded(String augment, int steps) throws IOException {
    int side = EmbeddedCharacters.SIZE;
    var drawn = EmbeddedCharacters.draw(Alphabet.DIGITS, Part.TRAIN, 5 * BATCH, 0);
    DataLoader.Options loading =
        DataLoader.Options.training(BATCH, 3).withAugment(Augment.parse(augment));
    try (var on = card.device().use();
        var seeded = new Generator(5).use();
        Module model = Zoo.create("mlp:depth=2,width=8", Shape.of(1, side, side, 1), 10);
        Optimizer optimizer = new Sgd(model, 0.02, 0.9);
        BatchSource data = new DataLoader(drawn, Normalisation.measure(drawn), loading)) {
      long before = card.uploadedBytes();
      new Trainer(model, optimizer, data, TrainingOptions.epochs(9).atMost(steps)).run();
      return card.uploadedBytes() - before;
    }
  }

  /** Of ten steps, for what else they upload is the same in both. */
  private long uploadedInTen(String augment) throws IOException {
    return uploaded(augment, 14) - uploaded(augment, 4);
  }

  @ParameterizedTest
  @ValueSource(strings = {"none", "flip,crop=2"})
  void picturesOfBytesAreAQuarterOfThoseOfFloats(String augment) throws IOException {
    long pixels = BATCH * EmbeddedCharacters.SIZE * EmbeddedCharacters.SIZE;
    long floats = uploadedInTen("colour=0.1");
    assertTrue(floats > 10 * 4 * pixels, "recoloured pictures are floats");
    assertEquals(10 * (4 - 1) * pixels, floats - uploadedInTen(augment));
  }

  /** Rates go to the card where they have changed, one group's and the slots before them. */
  @Test
  void ratesThatStayAreSentOnce() {
    long all = 8 * (StepState.GROUPS + StepState.GROUP_SLOTS);
    try (var on = card.device().use();
        Module model = Zoo.create("mlp:depth=2,width=8", Shape.of(1, 4, 4, 1), 10);
        Optimizer optimizer = new Sgd(model, 0.02, 0.9)) {
      optimizer.zeroGrad();
      optimizer.prepare();
      long before = card.uploadedBytes();
      optimizer.prepare();
      assertEquals(0, card.uploadedBytes() - before);
      optimizer.factor(0.5);
      optimizer.prepare();
      optimizer.prepare();
      assertEquals(all, card.uploadedBytes() - before);
      optimizer.callBase(3);
      optimizer.prepare();
      assertEquals(2 * all, card.uploadedBytes() - before);
    }
  }
}
