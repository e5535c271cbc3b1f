package dev.thaw.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

final class SubsetTest {
  private final Dataset noise = Examples.noise(200, 2, 2, 1);

  @Test
  void aLimitKeepsOrderAndGrowsByAdding() throws IOException {
    List<Integer> ten = numbers(noise.limit(10));
    List<Integer> fifty = numbers(noise.limit(50));
    assertEquals(10, ten.size());
    assertTrue(fifty.containsAll(ten));
    assertEquals(new ArrayList<>(new TreeSet<>(fifty)), fifty);
    assertEquals(ten, numbers(noise.limit(10)));
    assertNotEquals(List.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9), ten, "drawn, not the first");
    assertEquals(noise, noise.limit(200));
    assertTrue(new TreeSet<>(labels(noise.limit(50))).size() == 5, "every class");
  }

  @Test
  void perClassTakesAsManyOfEach() {
    Dataset few = noise.perClass(3);
    int[] counts = new int[5];
    for (int label : labels(few)) {
      counts[label]++;
    }
    assertEquals("[3, 3, 3, 3, 3]", Arrays.toString(counts));
    assertEquals(200, noise.perClass(1000).size());
  }

  @Test
  void classesAreRenumberedInTheOrderGiven() throws IOException {
    Dataset two = noise.only(List.of("d", "b"));
    assertEquals(List.of("d", "b"), two.classes());
    assertEquals(80, two.size());
    for (int i = 0; i < two.size(); i++) {
      assertEquals(numbers(two).get(i) % 5 == 3 ? 0 : 1, two.label(i));
    }
    assertThrows(IllegalArgumentException.class, () -> noise.only(List.of("z")));
    assertThrows(IllegalArgumentException.class, () -> noise.only(List.of("a", "a")));
  }

  @Test
  void heldOutExamplesAreInOnePartOnly() throws IOException {
    Dataset.Split split = noise.holdout(0.1, 7);
    assertEquals(20, split.held().size());
    Set<Integer> all = new TreeSet<>(numbers(split.rest()));
    all.addAll(numbers(split.held()));
    assertEquals(180, split.rest().size());
    assertEquals(200, all.size());
    assertEquals(numbers(split.held()), numbers(noise.holdout(0.1, 7).held()));
    assertNotEquals(numbers(split.held()), numbers(noise.holdout(0.1, 8).held()));
    assertEquals(1, noise.holdout(1e-9, 7).held().size());
    assertEquals(1, noise.holdout(1 - 1e-9, 7).rest().size());
    assertThrows(IllegalArgumentException.class, () -> noise.holdout(1, 7));
  }

  @Test
  void namesSayWhatWasTaken() {
    assertEquals("noise (10 of 200)", noise.limit(10).name());
    assertEquals("noise (20 held out)", noise.holdout(0.1, 0).held().name());
  }

  private static List<Integer> numbers(Dataset d) throws IOException {
    List<Integer> numbers = new ArrayList<>();
    for (int i = 0; i < d.size(); i++) {
      ByteBuffer picture = ByteBuffer.allocate(4);
      d.read(i, picture);
      numbers.add(picture.get(0) & 0xFF);
    }
    return numbers;
  }

  private static List<Integer> labels(Dataset d) {
    List<Integer> labels = new ArrayList<>();
    for (int i = 0; i < d.size(); i++) {
      labels.add(d.label(i));
    }
    return labels;
  }
}
