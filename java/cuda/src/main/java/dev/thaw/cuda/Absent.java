package dev.thaw.cuda;

import java.lang.reflect.Proxy;

/** Families whose kernels are not written yet. */
final class Absent {
  private Absent() {}

  /** A family all of whose methods refuse. */
  static <T> T of(Class<T> family) {
    return family.cast(
        Proxy.newProxyInstance(
            family.getClassLoader(),
            new Class<?>[] {family},
            (self, method, arguments) -> {
              throw new UnsupportedOperationException(
                  "cuda has no " + family.getSimpleName() + "." + method.getName() + " yet");
            }));
  }
}
