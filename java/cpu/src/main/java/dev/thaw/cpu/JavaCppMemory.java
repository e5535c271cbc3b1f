package dev.thaw.cpu;

import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;

/**
 * JavaCPP keeps accounts of its own: past a limit derived from the Java heap it reads {@code /proc}
 * on every allocation and calls {@code System.gc()}. Our buffers never pass through it, and the few
 * objects of oneDNN that do must not be slowed, so the accounts are closed before its first class.
 */
final class JavaCppMemory {
  private static final String BYTES = "org.bytedeco.javacpp.maxBytes";
  private static final String PHYSICAL = "org.bytedeco.javacpp.maxPhysicalBytes";

  private JavaCppMemory() {}

  /** Sets both limits to 0 (none) unless somebody set them; before the first JavaCPP class. */
  static void switchOffAccounting() {
    setUnlessSet(BYTES);
    setUnlessSet(PHYSICAL);
  }

  private static void setUnlessSet(String property) {
    if (System.getProperty(property) == null
        && System.getProperty(property.toLowerCase(java.util.Locale.ROOT)) == null) {
      System.setProperty(property, "0");
    }
  }

  /**
   * A line that names the two flags when JavaCPP was loaded by somebody else before us and keeps
   * accounts although nobody asked it to; null when all is well.
   */
  static @Nullable String warning() {
    boolean late =
        ("0".equals(System.getProperty(BYTES)) && Pointer.maxBytes() > 0)
            || ("0".equals(System.getProperty(PHYSICAL)) && Pointer.maxPhysicalBytes() > 0);
    return late
        ? "JavaCPP was loaded before Thaw and may stall in System.gc(): start Java with -D"
            + BYTES
            + "=0 -D"
            + PHYSICAL
            + "=0"
        : null;
  }
}
