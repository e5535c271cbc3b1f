package dev.thaw.plan;

import dev.thaw.backend.Writes;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One kernel call: a method of a family of the seam, and its arguments.
 *
 * @param method of {@link dev.thaw.backend.ConvKernels}, say
 * @param arguments buffers and arrays of them, sizes and scalars, in the method's order
 */
record Call(Method method, @Nullable Object[] arguments) {

  /** Whether this is {@code name} of {@code family}. */
  boolean is(Class<?> family, String name) {
    return method.getDeclaringClass() == family && method.getName().equals(name);
  }

  /** The buffer at position {@code i}, or null where the call leaves it out. */
  @Nullable Buffer buffer(int i) {
    return (Buffer) arguments[i];
  }

  /** The buffer at position {@code i}, which every such call has. */
  Buffer required(int i) {
    return (Buffer) java.util.Objects.requireNonNull(arguments[i]);
  }

  /** The argument at position {@code i} as {@code type}. */
  <T> T value(int i, Class<T> type) {
    return type.cast(java.util.Objects.requireNonNull(arguments[i]));
  }

  /** Buffers whose contents the call needs. */
  List<Buffer> reads() {
    return buffers(false);
  }

  /** Buffers the call overwrites. */
  List<Buffer> writes() {
    return buffers(true);
  }

  private List<Buffer> buffers(boolean written) {
    List<Buffer> found = new ArrayList<>();
    for (int i = 0; i < arguments.length; i++) {
      if (method.getParameters()[i].isAnnotationPresent(Writes.class) == written) {
        add(found, arguments[i]);
      }
    }
    return found;
  }

  private static void add(List<Buffer> found, @Nullable Object argument) {
    if (argument instanceof Buffer buffer) {
      found.add(buffer);
    } else if (argument instanceof Buffer[] several) {
      found.addAll(List.of(several));
    }
  }

  /** All buffers of the call. */
  List<Buffer> buffers() {
    List<Buffer> found = new ArrayList<>();
    for (Object argument : arguments) {
      add(found, argument);
    }
    return found;
  }

  /** The same call with argument {@code i} changed. */
  Call with(int i, @Nullable Object argument) {
    @Nullable Object[] changed = arguments.clone();
    changed[i] = argument;
    return new Call(method, changed);
  }

  /** The same arguments for another kernel. */
  Call as(Method other) {
    return new Call(other, arguments);
  }

  /** The same call on other buffers; those not in the map stay. */
  Call on(IdentityHashMap<Buffer, Buffer> others) {
    @Nullable Object[] changed = arguments.clone();
    for (int i = 0; i < changed.length; i++) {
      if (changed[i] instanceof Buffer buffer) {
        changed[i] = others.getOrDefault(buffer, buffer);
      } else if (changed[i] instanceof Buffer[] several) {
        Buffer[] replaced = several.clone();
        Arrays.setAll(replaced, k -> others.getOrDefault(several[k], several[k]));
        changed[i] = replaced;
      }
    }
    return new Call(method, changed);
  }

  /** The method of that name in a family; names are unique within one. */
  static Method method(Class<?> family, String name) {
    for (Method method : family.getMethods()) {
      if (method.getName().equals(name)) {
        return method;
      }
    }
    Check.that(false, "plan: no kernel %s in %s", name, family.getSimpleName());
    throw new IllegalStateException(name);
  }

  /** {@code ConvKernels.forward}. */
  @Override
  public String toString() {
    return method.getDeclaringClass().getSimpleName() + "." + method.getName();
  }

  /** How often each call is made, for people. */
  static Map<String, Integer> count(List<Call> calls) {
    Map<String, Integer> counts = new java.util.TreeMap<>();
    calls.forEach(call -> counts.merge(call.toString(), 1, Integer::sum));
    return counts;
  }
}
