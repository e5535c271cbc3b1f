package dev.thaw.cpu;

import dev.thaw.backend.Segment;
import dev.thaw.backend.SegmentTable;
import dev.thaw.backend.UpdateKernels;
import dev.thaw.backend.UpdateRule;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Purpose;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Optimizer steps: one native call, and one team of threads, for all parameters together. */
final class CpuUpdate implements UpdateKernels {
  private final Pool pool;

  CpuUpdate(Pool pool) {
    this.pool = pool;
  }

  /**
   * An array of {@code thaw_segment}, written once; it holds the buffers whose addresses it has.
   */
  private static final class Table implements SegmentTable {
    private static final int BYTES = 48;
    private static final int MOMENT2 = 24;
    private static final int ACTIVE = 44;

    final int count;
    final int moments;
    final Buffer structs;
    private final ByteBuffer view;
    private final Buffer steps;
    private final boolean[] active;
    private final long[] elements;
    private final List<Buffer> held = new ArrayList<>();
    private long activeElements;

    Table(List<Segment> segments, Pool pool) {
      count = segments.size();
      moments = segments.stream().mapToInt(s -> s.moments().size()).min().orElse(0);
      structs = pool.allocate(DType.UINT8, (long) count * BYTES, Purpose.OPTIMIZER);
      steps = pool.allocate(DType.INT32, count, Purpose.OPTIMIZER);
      view = CpuStorage.view(structs.address(), count * BYTES);
      active = new boolean[count];
      elements = new long[count];
      ByteBuffer zeros = CpuStorage.view(steps.address(), count * Integer.BYTES);
      for (int i = 0; i < count; i++) {
        zeros.putInt(i * Integer.BYTES, 0);
        write(i * BYTES, segments.get(i));
        elements[i] = segments.get(i).value().elements();
        setActive(i, true);
      }
    }

    private void write(int at, Segment segment) {
      view.putLong(at, hold(segment.value()));
      view.putLong(at + 8, hold(segment.gradient()));
      view.putLong(at + 16, segment.moments().isEmpty() ? 0 : hold(segment.moments().get(0)));
      view.putLong(at + MOMENT2, segment.moments().size() < 2 ? 0 : hold(segment.moments().get(1)));
      view.putLong(at + 32, segment.value().elements());
      view.putInt(at + 40, segment.group());
    }

    private long hold(Buffer x) {
      long address = Address.floats(x);
      held.add(x.hold());
      return address;
    }

    @Override
    public Buffer steps() {
      return steps;
    }

    @Override
    public void setActive(int i, boolean on) {
      if (active[i] != on) {
        active[i] = on;
        activeElements += on ? elements[i] : -elements[i];
      }
      view.putInt(i * BYTES + ACTIVE, on ? 1 : 0);
    }

    @Override
    public DType dtype() {
      return DType.FLOAT32;
    }

    @Override
    public long activeElements() {
      return activeElements;
    }

    long activeBytes() {
      return activeElements * Float.BYTES;
    }

    @Override
    public void close() {
      held.forEach(Buffer::release);
      held.clear();
      structs.release();
      steps.release();
    }
  }

  @Override
  public SegmentTable table(List<Segment> segments) {
    return new Table(segments, pool);
  }

  @Override
  public void norm(Buffer squares, Buffer state, SegmentTable table) {
    Table t = (Table) table;
    Native.thaw_update_norm(
        Address.doubles(squares),
        Address.doubles(state),
        t.structs.address(),
        t.count,
        CpuThreads.forBytes(t.activeBytes()));
  }

  @Override
  public void step(UpdateRule rule, SegmentTable table, Buffer state) {
    Table t = (Table) table;
    Check.that(
        t.moments >= rule.moments() || t.count == 0,
        "update: %s keeps %d moments, the segments have %d",
        rule,
        rule.moments(),
        t.moments);
    Native.thaw_update_step(
        rule.ordinal(),
        t.structs.address(),
        t.steps().address(),
        t.count,
        Address.doubles(state),
        CpuThreads.forBytes((3 + 2L * rule.moments()) * t.activeBytes()));
  }

  @Override
  public void maxNorm(Buffer value, int rows, int columns, double limit) {
    Native.thaw_update_max_norm(
        Address.floats(value), rows, columns, limit, CpuThreads.forBytes(2 * value.bytes()));
  }
}
