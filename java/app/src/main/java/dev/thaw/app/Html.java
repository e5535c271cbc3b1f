package dev.thaw.app;

import java.util.List;

/**
 * A page that needs nothing beside itself: style and pictures are inside, nothing is fetched and no
 * script runs. It is XML as well, so that a parser can hold it to its form.
 */
final class Html {
  private static final String STYLE =
      """
      :root { color-scheme: light dark; --paper: #fff; --ink: #1c2733; --soft: #55626e;
              --faint: #e6eaee; --rule: #d3dae1; --axis: #93a0ac; --shade: #f3f5f7;
              --band: #e8f3ea; --c0: #6b7280; --c1: #2563eb; --c2: #d97706; --c3: #0d9467;
              --c4: #9333ea; --good: #0d7a55; --bad: #b42318; --gap: #a9bdd3; }
      @media (prefers-color-scheme: dark) {
        :root { --paper: #14191f; --ink: #e4e9ee; --soft: #9eabb7; --faint: #28313a;
                --rule: #36414c; --axis: #6b7884; --shade: #1d242c; --band: #1d3328;
                --c0: #a3adb8; --c1: #69a4ff; --c2: #f5b04a; --c3: #3ccf9a; --c4: #c79bff;
                --good: #3ccf9a; --bad: #ff8a7a; --gap: #3f556d; }
      }
      body { font: 15px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper);
             max-width: 1100px; margin: 2rem auto; padding: 0 1.2rem; }
      h1 { font-size: 1.6rem; margin: 0 0 .5rem; }
      h2 { font-size: 1.2rem; margin: 2.4rem 0 .5rem; border-bottom: 1px solid var(--rule);
           padding-bottom: .2rem; }
      h3 { font-size: 1rem; margin: 1.1rem 0 .2rem; }
      p { max-width: 50rem; margin: .5rem 0; }
      ul { margin: .2rem 0; padding-left: 1.2rem; max-width: 50rem; }
      .lead { font-size: 1.06rem; }
      .small, figcaption { color: var(--soft); font-size: .87rem; }
      .table { overflow-x: auto; }
      table { border-collapse: collapse; margin: .8rem 0; }
      th, td { padding: .32rem .7rem; text-align: right; border-bottom: 1px solid var(--faint);
               white-space: nowrap; font-variant-numeric: tabular-nums; }
      th { font-weight: 600; background: var(--shade); white-space: normal; vertical-align: bottom;
           line-height: 1.25; }
      th.text, td.text { text-align: left; }
      .best { font-weight: 700; }
      .row { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(440px, 100%), 1fr));
             gap: 1.4rem; margin: .8rem 0; align-items: start; }
      .row.fixed { display: flex; flex-wrap: wrap; }
      figure { margin: 0; }
      .legend { color: var(--soft); font-size: .9rem; margin: .6rem 0 .2rem; }
      .legend > span { margin-right: 1.3rem; white-space: nowrap; }
      .chip { display: inline-block; width: .75em; height: .75em; border-radius: 2px;
              margin-right: .4em; background: currentColor; }
      .badge { display: inline-block; border: 1px solid currentColor; border-radius: .7em;
               padding: 0 .6em; font-size: .82rem; font-weight: 600; }
      .healthy { color: var(--good); } .frozen { color: var(--soft); } .ill { color: var(--bad); }
      .c0 { color: var(--c0); } .c1 { color: var(--c1); } .c2 { color: var(--c2); }
      .c3 { color: var(--c3); } .c4 { color: var(--c4); }
      svg { width: 100%; max-width: 640px; height: auto; display: block; }
      svg text { font: 11px system-ui, sans-serif; fill: var(--soft); }
      svg text.title { font-size: 13px; font-weight: 600; fill: var(--ink); }
      svg text.none { font-size: 9.5px; }
      svg .grid { stroke: var(--faint); } svg .axis { stroke: var(--axis); }
      svg .band { fill: var(--band); } svg .bar, svg .dot { fill: currentColor; }
      svg .curve { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; }
      img { image-rendering: pixelated; display: block; margin-bottom: .3rem;
            background: var(--gap); }
      code { background: var(--shade); padding: 0 .25em; font-size: .9em; }
      """;

  private final StringBuilder body = new StringBuilder();
  private final String title;

  Html(String title) {
    this.title = title;
    body.append("<h1>").append(escape(title)).append("</h1>\n");
  }

  /** {@code text} as it is to be read, whatever it holds. */
  static String escape(String text) {
    StringBuilder safe = new StringBuilder();
    text.codePoints()
        .forEach(
            c -> {
              switch (c) {
                case '&' -> safe.append("&amp;");
                case '<' -> safe.append("&lt;");
                case '>' -> safe.append("&gt;");
                case '"' -> safe.append("&quot;");
                // XML has no control characters, and names of classes or files may hold any.
                default -> safe.appendCodePoint(c < ' ' && c != '\n' && c != '\t' ? '?' : c);
              }
            });
    return safe.toString();
  }

  /** A heading of a section. */
  Html heading(String text) {
    body.append("<h2>").append(escape(text)).append("</h2>\n");
    return this;
  }

  /** A heading of a part of a section, which may hold elements. */
  Html part(String html) {
    body.append("<h3>").append(html).append("</h3>\n");
    return this;
  }

  /** A paragraph of the class {@code style}: lead, small, or none. */
  Html paragraph(String style, String text) {
    String start = style.isEmpty() ? "<p>" : "<p class=\"" + style + "\">";
    body.append(start).append(escape(text)).append("</p>\n");
    return this;
  }

  /** A list of lines. */
  Html list(List<String> lines) {
    body.append("<ul>\n");
    lines.forEach(line -> body.append("<li>").append(escape(line)).append("</li>\n"));
    body.append("</ul>\n");
    return this;
  }

  /** Figures beside each other as far as there is room, each an element as it stands. */
  Html row(List<String> figures) {
    return raw("<div class=\"row\">\n" + String.join("", figures) + "</div>\n");
  }

  /** A figure with what is said below it. */
  static String figure(String element, String caption) {
    String below = caption.isEmpty() ? "" : "<figcaption>" + escape(caption) + "</figcaption>";
    return "<figure>" + element + below + "</figure>\n";
  }

  /** As is. */
  Html raw(String html) {
    body.append(html);
    return this;
  }

  /** The whole page. */
  @Override
  public String toString() {
    return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
        + "<meta name=\"viewport\" content=\"width=device-width\"/>\n<title>"
        + escape(title)
        + "</title>\n<style>\n"
        + STYLE
        + "</style>\n</head>\n<body>\n"
        + body
        + "</body>\n</html>\n";
  }
}
