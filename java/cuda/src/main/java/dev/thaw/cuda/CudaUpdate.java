package dev.thaw.cuda;

import dev.thaw.backend.Segment;
import dev.thaw.backend.SegmentTable;
import dev.thaw.backend.UpdateKernels;
import dev.thaw.backend.UpdateRule;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.Pool;
import java.util.List;
import java.util.Locale;

/**
 * Optimizer steps ({@code kernels/optimizer.cu}): the norm is two launches, the step two, however
 * many parameters there are, and nothing is read back. All they work on lies in the table, at
 * addresses that a captured step may know.
 */
final class CudaUpdate implements UpdateKernels {
  private final Card card;
  private final Pool pool;
  private final Transfers transfers;
  private final Kernels.ByType squares;
  private final Kernels.ByType norm;
  private final Kernels.ByType count;
  private final Kernels.ByType maxNorm;

  /** By {@link UpdateRule#ordinal()}. */
  private final Kernels.ByType[] rules;

  CudaUpdate(Card card, Kernels kernels, Pool pool, Transfers transfers) {
    this.card = card;
    this.pool = pool;
    this.transfers = transfers;
    squares = kernels.byType("update_squares");
    norm = kernels.byType("update_norm");
    count = kernels.byType("update_count");
    maxNorm = kernels.byType("update_max_norm");
    UpdateRule[] all = UpdateRule.values();
    rules = new Kernels.ByType[all.length];
    for (UpdateRule rule : all) {
      rules[rule.ordinal()] = kernels.byType("update_" + rule.name().toLowerCase(Locale.ROOT));
    }
  }

  @Override
  public SegmentTable table(List<Segment> segments) {
    return new CudaSegments(segments, pool, transfers);
  }

  @Override
  public void norm(Buffer ofSegments, Buffer state, SegmentTable table) {
    CudaSegments t = (CudaSegments) table;
    card.launch(
        squares.of(t.dtype()),
        card.blocksForTasks(t.chunkCount()),
        Arguments.empty()
            .pointer(t.squares())
            .pointer(t.segments())
            .pointer(t.active())
            .pointer(t.chunks())
            .int32(t.chunkCount()));
    card.launch(
        norm.of(t.dtype()),
        1,
        Arguments.empty()
            .pointer(ofSegments)
            .pointer(state)
            .pointer(t.squares())
            .pointer(t.segments())
            .pointer(t.active())
            .int32(t.count()));
  }

  @Override
  public void step(UpdateRule rule, SegmentTable table, Buffer state) {
    CudaSegments t = (CudaSegments) table;
    Check.that(
        t.moments() >= rule.moments() || t.count() == 0,
        "update: %s keeps %d moments, the segments have %d",
        rule,
        rule.moments(),
        t.moments());
    card.launch(
        count.of(t.dtype()),
        card.blocksFor(t.count()),
        Arguments.empty()
            .pointer(t.settings())
            .pointer(t.steps())
            .pointer(t.segments())
            .pointer(t.active())
            .pointer(state)
            .int32(t.count()));
    card.launch(
        rules[rule.ordinal()].of(t.dtype()),
        card.blocksForTasks(t.chunkCount()),
        Arguments.empty()
            .pointer(t.segments())
            .pointer(t.active())
            .pointer(t.chunks())
            .pointer(t.settings())
            .pointer(state)
            .int32(t.chunkCount()));
  }

  @Override
  public void maxNorm(Buffer value, int rows, int columns, double limit) {
    if (value.elements() == 0) {
      return;
    }
    card.launch(
        maxNorm.of(value.dtype()),
        card.blocksForTasks(rows),
        Arguments.empty().pointer(value).int32(rows).int32(columns).float64(limit));
  }
}
