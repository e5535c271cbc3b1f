package dev.thaw;

import static java.util.Map.entry;
import static java.util.stream.Collectors.toCollection;
import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/**
 * A package imports only packages with lower numbers, so that each can be read, and understood, on
 * the ones below it.
 */
final class LayersTest {
  private static final Map<String, Integer> LAYERS =
      Map.ofEntries(
          entry("memory", 1),
          entry("backend", 2),
          entry("tensor", 3),
          entry("nn", 4),
          entry("plan", 5),
          entry("optim", 5),
          entry("data", 5),
          entry("io", 5),
          entry("models", 6),
          entry("transfer", 7),
          entry("diagnose", 7),
          entry("train", 8));

  /** Modules above the engine, with the first layer that they may not see; none sees another. */
  private static final Map<String, Integer> MODULES =
      Map.of("plain", 3, "cpu", 3, "cuda", 3, "app", 9, "lessons", 9, "ops", 4);

  /**
   * A backend's own door for users, open to the lessons that walk through it as a user would. All
   * else of a backend is found at run time.
   */
  private static final Set<String> DOORS = Set.of("dev.thaw.cuda.OwnKernels");

  /** Those that hold no class yet. The list only shrinks. */
  private static final Set<String> NOT_YET = Set.of();

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(location -> !location.contains("/test-classes/"))
          .importPackages("dev.thaw");

  @Test
  void importsGoDown() {
    Set<String> violations = new TreeSet<>();
    for (JavaClass type : CLASSES) {
      for (Dependency dependency : type.getDirectDependenciesFromSelf()) {
        JavaClass target = dependency.getTargetClass().getBaseComponentType();
        if (target.getPackageName().startsWith("dev.thaw")
            && !allowed(unit(type), unit(target))
            && !(unit(type).equals("lessons") && DOORS.contains(target.getName()))) {
          violations.add(type.getName() + " imports " + target.getName());
        }
      }
    }
    assertEquals(Set.of(), violations);
  }

  @Test
  void everyPackageIsInTheList() {
    Set<String> seen = new TreeSet<>();
    for (JavaClass type : CLASSES) {
      if (!type.getSimpleName().equals("package-info")) {
        seen.add(unit(type));
      }
    }
    Set<String> expected = new TreeSet<>(LAYERS.keySet());
    expected.addAll(MODULES.keySet());
    expected.removeAll(NOT_YET);
    assertEquals(
        expected,
        seen,
        "a package that is new belongs in LAYERS, and one that holds its first class off NOT_YET");
  }

  @Test
  void onlyTheNativeBackendsKnowJavaCpp() {
    Set<String> users =
        CLASSES.stream()
            .filter(
                type ->
                    type.getDirectDependenciesFromSelf().stream()
                        .anyMatch(d -> d.getTargetClass().getName().startsWith("org.bytedeco.")))
            .map(LayersTest::unit)
            .collect(toCollection(TreeSet::new));
    users.removeAll(Set.of("cpu", "cuda"));
    assertEquals(Set.of(), users);
  }

  @Test
  void theRuleItself() {
    assertAll(
        () -> assertTrue(allowed("tensor", "memory")),
        () -> assertTrue(allowed("tensor", "tensor")),
        () -> assertFalse(allowed("memory", "tensor")),
        () -> assertFalse(allowed("io", "data"), "equal numbers"),
        () -> assertTrue(allowed("plain", "backend")),
        () -> assertFalse(allowed("plain", "tensor")),
        () -> assertTrue(allowed("app", "train")),
        () -> assertFalse(allowed("app", "plain"), "backends are found at run time"),
        () -> assertFalse(allowed("engine", "memory"), "a package outside the list"));
  }

  private static boolean allowed(String from, String to) {
    if (from.equals(to)) {
      return true;
    }
    Integer below = LAYERS.containsKey(from) ? LAYERS.get(from) : MODULES.get(from);
    Integer layer = LAYERS.get(to);
    return below != null && layer != null && layer < below;
  }

  /**
   * The part of the package's name after {@code dev.thaw.}: a sub-package belongs to its parent.
   */
  private static String unit(JavaClass type) {
    String name = type.getPackageName();
    return name.equals("dev.thaw") ? "" : name.split("\\.", -1)[2];
  }
}
