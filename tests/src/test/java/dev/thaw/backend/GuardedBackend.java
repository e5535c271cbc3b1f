package dev.thaw.backend;

import dev.thaw.memory.Buffer;
import dev.thaw.memory.Purpose;
import java.lang.annotation.Annotation;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A backend around another: every buffer that a kernel is called with is replaced by a slice of a
 * larger one, at an odd place, with NaN before and behind it. After the call the surroundings must
 * be untouched, and so must be every input. A kernel that reads past an input's end brings NaN into
 * its result; so does one that leaves a part of its output unwritten, for outputs start as NaN.
 *
 * <p>Works for every backend, since it knows kernels by the annotation {@link Writes} alone. Costs
 * a few copies of each buffer. Arrays of buffers are passed on as they are.
 */
public final class GuardedBackend {
  /** Elements on each side; odd, so that slices are as badly aligned as a slice can be. */
  private static final int GUARD = 19;

  private static final byte NOT_A_NUMBER = (byte) 0xFF;

  /** Kernels that leave parts of an output as they were, or read it first. */
  private static final Set<String> KEEPS_CONTENT = Set.of("copy", "track", "step", "maxNorm");

  private final Backend real;

  private GuardedBackend(Backend real) {
    this.real = real;
  }

  /** A backend that does what {@code real} does, and watches. */
  public static Backend around(Backend real) {
    GuardedBackend guarded = new GuardedBackend(real);
    return proxy(
        Backend.class,
        (method, arguments) -> {
          Object result = call(real, method, arguments);
          Class<?> type = method.getReturnType();
          return type.getSimpleName().endsWith("Kernels") ? guarded.kernels(type, result) : result;
        });
  }

  private <T> T kernels(Class<T> family, Object kernels) {
    return proxy(family, (method, arguments) -> guarded(kernels, method, arguments));
  }

  /** A call of an interface's method. */
  private interface Handler {
    Object handle(Method method, Object[] arguments) throws Throwable;
  }

  private static <T> T proxy(Class<T> type, Handler handler) {
    return type.cast(
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (proxy, method, arguments) ->
                handler.handle(method, arguments == null ? new Object[0] : arguments)));
  }

  private static Object call(Object target, Method method, Object[] arguments) throws Throwable {
    try {
      method.setAccessible(true);
      return method.invoke(target, arguments);
    } catch (InvocationTargetException e) {
      throw e.getTargetException();
    }
  }

  private Object guarded(Object kernels, Method method, Object[] arguments) throws Throwable {
    IdentityHashMap<Buffer, Guarded> slices = new IdentityHashMap<>();
    @Nullable Guarded[] of = new Guarded[arguments.length];
    Annotation[][] annotations = method.getParameterAnnotations();
    for (int i = 0; i < arguments.length; i++) {
      if (arguments[i] instanceof Buffer buffer) {
        Guarded slice = slices.computeIfAbsent(buffer, Guarded::new);
        of[i] = slice;
        boolean writes = Arrays.stream(annotations[i]).anyMatch(Writes.class::isInstance);
        slice.writes |= writes;
        slice.reads |= !writes || KEEPS_CONTENT.contains(method.getName());
      }
    }
    try {
      for (Guarded slice : slices.values()) {
        slice.fill();
      }
      Object[] replaced = arguments.clone();
      for (int i = 0; i < arguments.length; i++) {
        Guarded slice = of[i];
        if (slice != null) {
          replaced[i] = slice.part;
        }
      }
      Object result = call(kernels, method, replaced);
      for (int i = 0; i < arguments.length; i++) {
        Guarded slice = of[i];
        if (slice != null) {
          slice.check(method.getDeclaringClass().getSimpleName(), method.getName(), i);
        }
      }
      for (Guarded slice : slices.values()) {
        slice.copyBack();
      }
      return result;
    } finally {
      for (Guarded slice : slices.values()) {
        slice.release();
      }
    }
  }

  private final class Guarded {
    final Buffer original;
    final Buffer whole;
    final Buffer part;
    boolean reads;
    boolean writes;
    private byte[] before = new byte[0];

    Guarded(Buffer original) {
      this.original = original;
      long n = original.elements();
      whole = real.pool().allocate(original.dtype(), n + 2 * GUARD, Purpose.WORKSPACE);
      part = whole.slice(GUARD, n);
    }

    private int edge() {
      return GUARD * whole.dtype().bytes();
    }

    void fill() {
      before = new byte[(int) whole.bytes()];
      Arrays.fill(before, NOT_A_NUMBER);
      if (reads) {
        byte[] content = download(original);
        System.arraycopy(content, 0, before, edge(), content.length);
      }
      upload(whole, before);
    }

    void check(String family, String kernel, int argument) {
      byte[] after = download(whole);
      int end = after.length - edge();
      if (writes) {
        // What lies inside is its own to write.
        System.arraycopy(after, edge(), before, edge(), end - edge());
      }
      int at = Arrays.mismatch(before, after);
      if (at >= 0) {
        throw new AssertionError(
            String.format(
                "%s.%s wrote %s argument %d, %s, first %d bytes from its start",
                family,
                kernel,
                at < edge() ? "before" : at >= end ? "behind the end of" : "inside the input",
                argument,
                original,
                at - edge()));
      }
    }

    void copyBack() {
      if (writes) {
        byte[] after = download(whole);
        upload(original, Arrays.copyOfRange(after, edge(), after.length - edge()));
      }
    }

    void release() {
      part.release();
      whole.release();
    }
  }

  private byte[] download(Buffer x) {
    ByteBuffer bytes = ByteBuffer.allocateDirect((int) x.bytes()).order(ByteOrder.nativeOrder());
    real.download(bytes, x);
    byte[] copy = new byte[bytes.remaining()];
    bytes.get(copy);
    return copy;
  }

  private void upload(Buffer y, byte[] content) {
    real.upload(
        y,
        ByteBuffer.allocateDirect(content.length)
            .order(ByteOrder.nativeOrder())
            .put(content)
            .flip());
  }
}
