package dev.thaw.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Tensor;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Whether the table is whole. */
final class CoverageTest {
  /** Methods of a tensor that return tensors and compute nothing that the table could hold. */
  private static final Set<String> NO_OPS =
      Set.of("grad", "detach", "requiresGrad", "madeBy", "of", "over", "owned");

  /** Makers of constants, tried in the tensor's own test. */
  private static final Set<String> MAKERS = Set.of("scalar", "full", "zeros", "ones");

  @Test
  void everyPublicOpHasItsLine() {
    Set<String> ops = new TreeSet<>();
    for (Class<?> type : List.of(Tensor.class, Functional.class)) {
      for (Method method : type.getDeclaredMethods()) {
        boolean makes =
            method.getReturnType() == Tensor.class || method.getReturnType() == List.class;
        if (Modifier.isPublic(method.getModifiers()) && makes) {
          ops.add(method.getName());
        }
      }
    }
    assertTrue(ops.size() > 60, "too few methods were seen: " + ops);
    ops.removeAll(NO_OPS);
    ops.removeAll(MAKERS);
    Set<String> inTheTable = new HashSet<>();
    OpCases.all().forEach(line -> inTheTable.add(line.op()));
    ops.removeAll(inTheTable);
    assertEquals(Set.of(), ops, "ops without a line in the table");
  }

  @Test
  void noTwoCasesShareAName() {
    Set<String> names = new HashSet<>();
    for (OpCase line : OpCases.all()) {
      assertTrue(names.add(line.name()), line.name());
    }
  }

  @Test
  void everyOpHasACaseThatFitsOnPaper() {
    Set<String> small = new TreeSet<>();
    Set<String> ops = new TreeSet<>();
    for (OpCase line : OpCases.all()) {
      ops.add(line.op());
      if (line.elements() <= 16) {
        small.add(line.op());
      }
    }
    ops.removeAll(small);
    assertEquals(Set.of(), ops, "ops without a case that one can work out on paper");
  }
}
