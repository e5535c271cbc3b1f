package dev.thaw.bench.peers;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Distances beside their bounds, as a table that a person reads. */
final class Verdicts {
  private final List<String> lines = new ArrayList<>();
  private int failures;
  private int figures;

  /** Starts a table. */
  void title(String title) {
    lines.add("");
    lines.add("## " + title);
    lines.add("");
    lines.add("| what | bound | eager | planned | PyTorch, channels last | worst in | |");
    lines.add("|---|---|---|---|---|---|---|");
  }

  /** A line; {@code peer} is PyTorch's own distance in another memory format. */
  void add(String what, double bound, Gap eager, Gap planned, Gap peer) {
    boolean holds = eager.value() <= bound && planned.value() <= bound;
    String where = worse(eager, planned).where();
    line(what, bound(bound), number(eager), number(planned), number(peer), where, say(holds));
  }

  /** A line about a run that is not split into eager and planned. */
  void add(String what, double bound, Gap found, Gap peer) {
    boolean holds = found.value() <= bound;
    line(what, bound(bound), "", number(found), number(peer), found.where(), say(holds));
  }

  /** A line that is held to no bound, because PyTorch's own distance is no smaller. */
  void tell(String what, Gap eager, Gap planned, Gap peer) {
    String where = worse(eager, planned).where();
    line(what, "", number(eager), number(planned), number(peer), where, "");
  }

  private static Gap worse(Gap eager, Gap planned) {
    return eager.value() <= planned.value() ? planned : eager;
  }

  private static String bound(double bound) {
    return String.format(Locale.ROOT, "%.0e", bound);
  }

  private String say(boolean holds) {
    figures++;
    failures += holds ? 0 : 1;
    return holds ? "PASS" : "FAIL";
  }

  private void line(String... cells) {
    lines.add("| " + String.join(" | ", cells) + " |");
  }

  private static String number(Gap gap) {
    return String.format(Locale.ROOT, "%.1e", gap.value());
  }

  /** Whether every line holds. */
  boolean hold() {
    return failures == 0;
  }

  /** How many lines hold, of how many. */
  String summary() {
    return (figures - failures) + " of " + figures + " figures within their bounds";
  }

  /** The tables in Markdown. */
  List<String> lines() {
    return List.copyOf(lines);
  }
}
