package dev.thaw.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.thaw.backend.Devices;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Purpose;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Who has a lane, what it keeps, and when it frees it. */
final class LanesTest {
  private final Pool pool = Devices.get("cpu").pool();
  private final Lanes lanes = new Lanes(pool, 2);
  private final List<String> closed = new ArrayList<>();

  /** Prepares calls that write down their end. */
  private record Named(String name, LanesTest test) implements Recipe<Call> {
    @Override
    public Call prepare() {
      return new Call(this);
    }
  }

  private record Call(Named recipe) implements Prepared {
    @Override
    public long workspaceBytes() {
      return 0;
    }

    @Override
    public void close() {
      recipe.test.closed.add(recipe.name);
    }
  }

  private Named named(String name) {
    return new Named(name, this);
  }

  @Test
  void aThreadFindsItsLaneAgain() {
    Lane mine;
    Lane other;
    try (Lane first = lanes.take();
        Lane second = lanes.take()) {
      assertNotSame(first, second);
      mine = first;
      other = second;
    }
    try (Lane first = lanes.take();
        Lane second = lanes.take()) {
      assertSame(mine, first);
      assertSame(other, second);
    }
  }

  @Test
  void closesWhatWasUsedLongestAgo() {
    try (Lane lane = lanes.take()) {
      Call a = lane.prepared(named("a"));
      Call b = lane.prepared(named("b"));
      assertSame(a, lane.prepared(named("a")));
      lane.prepared(named("c"));
      assertEquals(List.of("b"), closed);
      assertSame(a, lane.prepared(named("a")));
      assertNotSame(b, lane.prepared(named("b")));
    }
    lanes.trim();
    assertEquals(List.of("b", "c", "a", "b"), closed);
  }

  @Test
  void largeWorkspacesBelongToThePool() {
    long before = pool.liveBytes(Purpose.WORKSPACE);
    try (Lane lane = lanes.take()) {
      assertEquals(0, lane.workspace(0));
      long small = lane.workspace(1000);
      assertEquals(0, small % 64);
      assertEquals(small, lane.workspace(64 << 10));
      assertEquals(before, pool.liveBytes(Purpose.WORKSPACE));
      assertNotEquals(small, lane.workspace(1 << 20));
      assertNotEquals(small, lane.workspace(2 << 20));
      assertEquals(before + (2 << 20), pool.liveBytes(Purpose.WORKSPACE));
    }
    assertEquals(before, pool.liveBytes(Purpose.WORKSPACE));
    lanes.trim();
  }

  /** More calls at once than there are places: each has a lane, the last ones lose theirs. */
  @Test
  void moreLanesThanPlaces() {
    List<Lane> taken = new ArrayList<>();
    for (int i = 0; i < 70; i++) {
      Lane lane = lanes.take();
      lane.prepared(named(Integer.toString(i)));
      taken.add(lane);
    }
    taken.forEach(Lane::close);
    assertEquals(List.of("64", "65", "66", "67", "68", "69"), closed);
    lanes.trim();
    assertEquals(70, closed.size());
  }
}
