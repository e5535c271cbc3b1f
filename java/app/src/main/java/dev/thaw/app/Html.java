package dev.thaw.app;

import java.util.List;

/** A page that needs nothing beside itself: style and pictures are inside. */
final class Html {
  private static final String STYLE =
      """
      :root { color-scheme: light; }
      body { font: 15px/1.5 system-ui, sans-serif; color: #1c2733; background: #fff;
             max-width: 1120px; margin: 2rem auto; padding: 0 1.2rem; }
      h1 { font-size: 1.6rem; margin: 0 0 .3rem; }
      h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; border-bottom: 1px solid #d8dee5;
           padding-bottom: .2rem; }
      p { max-width: 46rem; margin: .5rem 0; }
      .lead { font-size: 1.05rem; }
      .small { color: #5a6773; font-size: .87rem; }
      table { border-collapse: collapse; margin: .8rem 0; }
      th, td { padding: .32rem .8rem; text-align: right; border-bottom: 1px solid #e4e9ee;
               white-space: nowrap; }
      th { font-weight: 600; background: #f4f6f8; }
      th:first-child, td:first-child, td.text { text-align: left; }
      td.text { white-space: normal; }
      .best { font-weight: 650; }
      .row { display: flex; flex-wrap: wrap; gap: 1.2rem; align-items: flex-start; }
      .row > figure { flex: 1 1 440px; margin: 0; min-width: 320px; }
      figure.filters { flex: 0 1 auto !important; min-width: 0 !important; }
      figcaption { color: #5a6773; font-size: .87rem; }
      svg { width: 100%; height: auto; display: block; }
      svg text { font: 11px system-ui, sans-serif; fill: #46525e; }
      svg text.title { font-size: 13px; font-weight: 600; fill: #1c2733; }
      svg text.none { font-size: 8.5px; fill: #7a8691; }
      svg .grid { stroke: #e9edf1; } svg .axis { stroke: #93a0ac; }
      svg .curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
      img { image-rendering: pixelated; border: 1px solid #d8dee5; }
      .chip { display: inline-block; width: .75em; height: .75em; border-radius: 2px;
              margin-right: .45em; }
      pre { background: #f4f6f8; padding: .7rem .9rem; overflow-x: auto; font-size: .82rem; }
      """;

  private final StringBuilder body = new StringBuilder();
  private final String title;

  Html(String title) {
    this.title = title;
    body.append("<h1>").append(escape(title)).append("</h1>\n");
  }

  /** {@code text} as it is to be read, whatever it holds. */
  static String escape(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }

  /** A heading of a section. */
  Html heading(String text) {
    body.append("<h2>").append(escape(text)).append("</h2>\n");
    return this;
  }

  /** A paragraph of the class {@code style}: lead, small, or none. */
  Html paragraph(String style, String text) {
    body.append("<p class=\"").append(style).append("\">").append(escape(text)).append("</p>\n");
    return this;
  }

  /** Preformatted text. */
  Html listing(String text) {
    body.append("<pre>").append(escape(text)).append("</pre>\n");
    return this;
  }

  /** Figures beside each other, each an element as it stands. */
  Html row(List<String> figures) {
    body.append("<div class=\"row\">\n");
    figures.forEach(body::append);
    body.append("</div>\n");
    return this;
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
    return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        + "<meta name=\"viewport\" content=\"width=device-width\">\n<title>"
        + escape(title)
        + "</title>\n<style>\n"
        + STYLE
        + "</style>\n</head>\n<body>\n"
        + body
        + "</body>\n</html>\n";
  }
}
