package dev.thaw.nn;

import static dev.thaw.tensor.Op.reads;
import static dev.thaw.tensor.Op.wrt;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import dev.thaw.memory.Scope;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A function of a tensor with named parameters, buffers (saved, never trained) and children in
 * named slots. A subclass registers them in its constructor and writes {@link #forward}; names join
 * with dots, {@code layer4.1.conv2.weight}.
 */
public abstract class Module implements AutoCloseable {
  private record Watch(String name, Observer observer) {}

  private final Map<String, Parameter> parameters = new LinkedHashMap<>();
  private final Map<String, Tensor> buffers = new LinkedHashMap<>();
  private final Map<String, Slot> slots = new LinkedHashMap<>();
  private final List<Watch> watches = new ArrayList<>();
  private final long id = Parameter.nextId();
  private int versions;
  private boolean training = true;
  private @Nullable Shape example;
  private @Nullable String place;

  /** For subclasses. */
  protected Module() {}

  /** What this module computes. Called by {@link #call} in a scope of its own. */
  protected abstract Tensor forward(Tensor x);

  /**
   * Runs forward in a scope of its own and keeps only the result.
   *
   * @throws IllegalStateException when no scope is open to receive it
   */
  public final Tensor call(Tensor x) {
    try (Scope scope = Scope.open()) {
      Tensor y = forward(x);
      for (Watch watch : watches) {
        y = watched(watch, y);
      }
      return scope.keep(y);
    }
  }

  private static Tensor watched(Watch watch, Tensor y) {
    Tensor seen = watch.observer.activation(watch.name, y);
    return seen.requiresGrad()
        ? seen.detach()
            .madeBy("observe", wrt(seen, reads(), dy -> watch.observer.gradient(watch.name, dy)))
        : seen;
  }

  /**
   * The modules one after the other, each result let go once the next has read it: a chain of any
   * length holds two activations, beside those the tape keeps.
   */
  protected static Tensor through(Tensor x, Slot... chain) {
    Tensor y = x;
    for (Slot slot : chain) {
      Tensor next = slot.call(y);
      if (y != x && next != y) {
        y.close();
      }
      y = next;
    }
    return y;
  }

  // ---- parts ----

  /** Registers a parameter. */
  protected final Parameter parameter(String name, Parameter parameter) {
    checkFree(name);
    parameters.put(name, parameter);
    return parameter;
  }

  /** Registers a buffer: saved with the parameters, moved with them, never trained. */
  protected final void buffer(String name, Tensor buffer) {
    checkFree(name);
    buffers.put(name, buffer);
  }

  /** The buffer of that name as it is now: a move replaces it. */
  protected final Tensor buffer(String name) {
    Tensor buffer = buffers.get(name);
    if (buffer == null) {
      throw new IllegalArgumentException("module: no buffer named " + name);
    }
    return buffer;
  }

  /** Registers a child. */
  protected final Slot slot(String name, Module child) {
    checkFree(name);
    Slot slot = new Slot(name, child);
    slots.put(name, slot);
    return slot;
  }

  /** Notes the slot it was put into, for messages. */
  final void placed(String name) {
    place = name;
  }

  /** The name of its slot after a space, or nothing: {@code " fc1"}. */
  final String place() {
    return place == null ? "" : " " + place;
  }

  private void checkFree(String name) {
    Check.that(
        !name.isEmpty() && name.indexOf('.') < 0, "module: '%s' is no name for a part", name);
    Check.that(
        !parameters.containsKey(name) && !buffers.containsKey(name) && !slots.containsKey(name),
        "module: two parts are named %s",
        name);
  }

  /** The children's slots, in the order of registration. */
  public final List<Slot> slots() {
    return List.copyOf(slots.values());
  }

  /**
   * All parameters below, by full name, in the order of registration; tied ones under each name.
   */
  public final Map<String, Parameter> parameters() {
    Map<String, Parameter> all = new LinkedHashMap<>();
    walk("", (prefix, m) -> m.parameters.forEach((n, p) -> all.put(prefix + n, p)));
    return all;
  }

  /** All buffers below, by full name. */
  public final Map<String, Tensor> buffers() {
    Map<String, Tensor> all = new LinkedHashMap<>();
    walk("", (prefix, m) -> m.buffers.forEach((n, b) -> all.put(prefix + n, b)));
    return all;
  }

  /** All modules below by full name, this one first under the empty name. */
  public final Map<String, Module> modules() {
    Map<String, Module> all = new LinkedHashMap<>();
    walk("", (prefix, m) -> all.put(withoutDot(prefix), m));
    return all;
  }

  private void walk(String prefix, BiConsumer<String, Module> visit) {
    visit.accept(prefix, this);
    slots.forEach((name, slot) -> slot.module().walk(prefix + name + ".", visit));
  }

  private static String withoutDot(String prefix) {
    return prefix.isEmpty() ? prefix : prefix.substring(0, prefix.length() - 1);
  }

  /**
   * The module at {@code path}, {@code layer4.1.conv2}.
   *
   * @throws IllegalArgumentException when there is none; names what there is
   */
  public final Module module(String path) {
    Module found = modules().get(path);
    if (found == null) {
      throw new IllegalArgumentException(
          "module: no part named '" + path + "'; there are " + modules().keySet());
    }
    return found;
  }

  /**
   * Puts {@code module} in the place of the one at {@code path}, which is closed.
   *
   * @throws IllegalArgumentException when there is no such place
   */
  public final void replace(String path, Module module) {
    int dot = path.lastIndexOf('.');
    Module parent = dot < 0 ? this : module(path.substring(0, dot));
    Slot slot = parent.slots.get(path.substring(dot + 1));
    if (slot == null) {
      throw new IllegalArgumentException(
          "replace: no slot '" + path + "'; there are " + modules().keySet());
    }
    Module before = slot.module();
    module.train(before.training);
    slot.put(module);
    before.close();
    parent.changed();
  }

  /**
   * A number that changes when anything below is frozen, thawed, moved, set, replaced or observed,
   * or a norm's policy is set: what a recording was made for.
   */
  public final long structure() {
    long[] sum = new long[1];
    walk(
        "",
        (prefix, m) -> {
          // Order counts: the same parts in other places are another structure.
          sum[0] = 31 * sum[0] + m.id * 0xD1B54A32D192ED03L + m.versions;
          m.parameters.values().forEach(p -> sum[0] = 31 * sum[0] + p.structure());
        });
    return sum[0];
  }

  /** Notes that this module will compute something else from now on. */
  protected final void changed() {
    versions++;
    Parameter.changed();
  }

  /** Number of elements of all parameters, each counted once. */
  public final long parameterCount() {
    return parameters().values().stream().distinct().mapToLong(p -> p.shape().elements()).sum();
  }

  /**
   * The shape of one example this module reads, [1, h, w, c] say, or null where it does not know.
   */
  public final @Nullable Shape example() {
    return example;
  }

  /** States the shape of one example, with a leading 1. */
  protected final void example(Shape shape) {
    example = shape;
  }

  // ---- state ----

  /** Training mode for everything below: dropout drops, norms follow their policy. */
  public final Module train(boolean on) {
    walk("", (prefix, m) -> m.training = on);
    return this;
  }

  /** Training mode, see {@link #train(boolean)}. */
  public final Module train() {
    return train(true);
  }

  /** Inference mode: dropout passes, norms use their running statistics. */
  public final Module eval() {
    return train(false);
  }

  /** Whether the module is in training mode. */
  public final boolean isTraining() {
    return training;
  }

  /**
   * Freezes every parameter below; BatchNorm below goes to {@link BnPolicy#EVAL}, Dropout drops
   * nothing.
   */
  public final Module freeze() {
    walk(
        "",
        (prefix, m) -> {
          m.parameters.values().forEach(p -> p.freeze(true));
          if (m instanceof BatchNorm norm) {
            norm.policy(BnPolicy.EVAL);
          } else if (m instanceof Dropout dropout) {
            dropout.freeze(true);
          }
        });
    return this;
  }

  /** Thaws every parameter and dropout below; norms keep their policy unless asked. */
  public final Module unfreeze() {
    walk(
        "",
        (prefix, m) -> {
          m.parameters.values().forEach(p -> p.freeze(false));
          if (m instanceof Dropout dropout) {
            dropout.freeze(false);
          }
        });
    return this;
  }

  /**
   * Moves parameters and buffers to {@code device} as {@code dtype}; before an optimizer exists.
   * Not to bfloat16: what is learned is kept in float32, and computed with in the dtype that the
   * input has.
   *
   * @return this module
   */
  public final Module to(Device device, DType dtype) {
    Backend home = Devices.get(device);
    Check.that(home.computes(dtype), "to: %s does not compute in %s", device, dtype);
    Check.that(
        dtype != DType.BFLOAT16,
        "to: weights are kept in float32, not in %s; convert the input instead, x.to(%s)",
        dtype,
        dtype.name());
    parameters().values().stream().distinct().forEach(p -> p.move(home, dtype));
    walk(
        "",
        (prefix, m) ->
            m.buffers.replaceAll(
                (name, before) -> {
                  Tensor moved =
                      Parameter.move(
                          before, home, before.dtype().isFloating() ? dtype : before.dtype());
                  before.close();
                  return moved;
                }));
    return this;
  }

  /**
   * Shows activations and gradients of the modules whose names match, until the result is closed.
   *
   * @param pattern names with {@code *} for anything, {@code layer3.*}
   * @throws IllegalArgumentException when nothing matches; names what there is
   */
  public final Observation observe(String pattern, Observer observer) {
    Pattern names = Pattern.compile(Pattern.quote(pattern).replace("*", "\\E.*\\Q"));
    List<Runnable> ends = new ArrayList<>();
    modules()
        .forEach(
            (name, module) -> {
              if (names.matcher(name).matches()) {
                Watch watch = new Watch(name, observer);
                module.watches.add(watch);
                module.changed();
                ends.add(
                    () -> {
                      module.watches.remove(watch);
                      module.changed();
                    });
              }
            });
    Check.that(!ends.isEmpty(), "observe: nothing matches '%s' in %s", pattern, modules().keySet());
    return () -> ends.forEach(Runnable::run);
  }

  /** Ends an {@link #observe}. */
  @FunctionalInterface
  public interface Observation extends AutoCloseable {
    @Override
    void close();
  }

  /** Frees parameters and buffers of this module and everything below. */
  @Override
  public final void close() {
    parameters().values().stream().distinct().forEach(Parameter::close);
    buffers().values().stream().distinct().forEach(Tensor::close);
  }
}
