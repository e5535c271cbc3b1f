package dev.thaw.app;

import static java.util.Objects.requireNonNull;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A JSON object whose members are asked for by name and kind; a missing one fails the test. */
record Answer(Map<String, Object> members) {
  /** A member, or null. */
  @Nullable Object get(String name) {
    return members.get(name);
  }

  private Object require(String name) {
    return requireNonNull(members.get(name), () -> "no " + name + " in " + members);
  }

  double number(String name) {
    return ((Number) require(name)).doubleValue();
  }

  long whole(String name) {
    return (Long) require(name);
  }

  String text(String name) {
    return (String) require(name);
  }

  List<?> list(String name) {
    return (List<?>) require(name);
  }

  /** The object that is a member. */
  Answer at(String name) {
    return of(require(name));
  }

  /** The object at a place of the list that is a member; from the end where negative. */
  Answer at(String name, int place) {
    List<?> list = list(name);
    return of(requireNonNull(list.get(place < 0 ? list.size() + place : place)));
  }

  @SuppressWarnings("unchecked") // objects have text keys
  private static Answer of(Object object) {
    return new Answer((Map<String, Object>) object);
  }

  /** A tensor that must be there. */
  static ByteBuffer tensor(Map<String, ByteBuffer> tensors, String name) {
    return requireNonNull(tensors.get(name), name);
  }
}
