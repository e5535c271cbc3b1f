package dev.thaw.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Lifetimes: what is made inside ends with it, unless it is passed on. */
final class ScopeTest {
  private final Pool pool = TestPool.make();

  private static final class Box extends Handle {
    int ended;

    Box(Buffer buffer) {
      super(buffer);
    }

    Box(Buffer buffer, boolean owned) {
      super(buffer, owned);
    }

    @Override
    protected void closed() {
      ended++;
    }
  }

  private Buffer buffer() {
    return pool.allocate(DType.FLOAT32, 8, Purpose.ACTIVATIONS);
  }

  private Box box() {
    return new Box(buffer());
  }

  @AfterEach
  void everythingIsBack() {
    assertFalse(Scope.isOpen());
    assertEquals(0, pool.liveBytes());
  }

  @Test
  void outsideEveryScopeNothingIsMade() {
    Buffer buffer = buffer();
    assertEquals(
        "no scope is open: try (Scope s = Scope.open()) { ... } around the code that makes tensors",
        assertThrows(IllegalStateException.class, () -> new Box(buffer)).getMessage());
    assertTrue(buffer.isClosed(), "the hold that the handle took over was lost");
  }

  @Test
  void whatIsMadeInsideEndsWithIt() {
    Box box;
    try (Scope scope = Scope.open()) {
      box = box();
      assertTrue(scope.owns(box));
      assertTrue(box.isOpen());
    }
    assertFalse(box.isOpen());
    assertTrue(box.buffer().isClosed());
    assertEquals(1, box.ended);
  }

  @Test
  void scopesNest() {
    try (Scope outer = Scope.open()) {
      Box a = box();
      try (Scope inner = Scope.open()) {
        Box b = box();
        assertTrue(inner.owns(b));
        assertFalse(inner.owns(a));
      }
      assertTrue(a.isOpen());
      assertEquals(32, pool.liveBytes());
      assertTrue(outer.owns(box()), "after the inner scope the outer one takes over");
    }
  }

  @Test
  void whatIsKeptJoinsTheScopeAround() {
    try (Scope outer = Scope.open()) {
      Box kept;
      try (Scope inner = Scope.open()) {
        kept = inner.keep(box());
        assertFalse(inner.owns(kept));
      }
      assertTrue(kept.isOpen());
      assertTrue(outer.owns(kept));
    }
  }

  @Test
  void keptFromTheOutermostScopeTheCallerCloses() {
    Box kept;
    try (Scope scope = Scope.open()) {
      kept = scope.keep(box());
    }
    assertTrue(kept.isOpen());
    kept.close();
    assertTrue(kept.buffer().isClosed());
  }

  @Test
  void keepingWhatBelongsElsewhereChangesNothing() {
    try (Scope outer = Scope.open()) {
      Box a = box();
      try (Scope inner = Scope.open()) {
        assertSame(a, inner.keep(a));
      }
      assertTrue(outer.owns(a));
      assertTrue(a.isOpen());
    }
  }

  @Test
  void whatIsClosedCannotBeKept() {
    try (Scope scope = Scope.open()) {
      Box box = box();
      box.close();
      assertEquals(
          "scope: what is to be kept is already closed",
          assertThrows(IllegalStateException.class, () -> scope.keep(box)).getMessage());
    }
  }

  @Test
  void closingEarlyAndTwiceIsAllowed() {
    try (Scope scope = Scope.open()) {
      Box box = box();
      box.close();
      box.close();
      assertEquals(1, box.ended);
      assertEquals(0, pool.liveBytes());
      assertFalse(scope.owns(box));
    }
  }

  @Test
  void anOwnedHandleNeedsNoScopeAndOutlivesAll() {
    Box owned = new Box(buffer(), true);
    try (Scope scope = Scope.open()) {
      assertFalse(scope.owns(owned));
    }
    assertTrue(owned.isOpen());
    owned.close();
  }

  @Test
  void theNewestEndsFirst() {
    List<String> order = new ArrayList<>();
    class Named extends Handle {
      final String name;

      Named(String name, Buffer buffer) {
        super(buffer);
        this.name = name;
      }

      @Override
      protected void closed() {
        order.add(name);
      }
    }
    try (Scope scope = Scope.open()) {
      for (String name : List.of("first", "second", "third")) {
        assertTrue(scope.owns(new Named(name, buffer())));
      }
    }
    assertEquals(List.of("third", "second", "first"), order);
  }

  @Test
  void anOuterScopeWaitsForTheInnerOne() {
    Scope outer = Scope.open();
    Scope inner = Scope.open();
    assertEquals(
        "scope: an inner scope is still open, close it first",
        assertThrows(IllegalStateException.class, outer::close).getMessage());
    inner.close();
    outer.close();
    outer.close();
  }

  @Test
  void anotherThreadMayNotCloseIt() throws InterruptedException {
    Scope scope = Scope.open();
    Box box = box();
    assertEquals(
        "scope: opened by thread main, used by intruder",
        inAnotherThread(scope::close),
        "closing the scope");
    assertEquals(
        "scope: opened by thread main, used by intruder",
        inAnotherThread(box::close),
        "the handle");
    assertTrue(box.isOpen());
    assertNull(inAnotherThread(() -> assertFalse(Scope.isOpen())), "scopes are a thread's own");
    scope.close();
  }

  private static @Nullable String inAnotherThread(Runnable action) throws InterruptedException {
    @Nullable String[] message = new String[1];
    String mine = Thread.currentThread().getName();
    Thread thread =
        new Thread(
            () -> {
              try {
                action.run();
              } catch (IllegalStateException e) {
                message[0] = String.valueOf(e.getMessage()).replace(mine, "main");
              }
            },
            "intruder");
    thread.start();
    thread.join();
    return message[0];
  }

  @Test
  void aForgottenHandleRaisesTheAlarm() throws InterruptedException {
    Buffer buffer = buffer();
    forget(buffer);
    int forgotten = 0;
    for (int i = 0; i < 100 && forgotten == 0; i++) {
      System.gc();
      Thread.sleep(10);
      forgotten += Leaks.report();
    }
    assertTrue(forgotten > 0, "nobody noticed");
    assertFalse(buffer.isClosed(), "the alarm must free nothing");
    buffer.release();
  }

  /** In a method of its own, so that no local variable keeps the handle reachable. */
  private static void forget(Buffer buffer) {
    try (Scope scope = Scope.open()) {
      assertNotNull(scope.keep(new Box(buffer)));
    }
  }
}
