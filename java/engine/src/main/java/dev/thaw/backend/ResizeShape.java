package dev.thaw.backend;

/**
 * Sizes of a resize of x [n, h, w, c] to y [n, outH, outW, c].
 *
 * <p>Output row i lies at input row (i + ½) · h / outH − ½ for bilinear (clamped at 0), at i · (h −
 * 1) / (outH − 1) with {@code alignCorners}, and takes row ⌊i · h / outH⌋ for nearest.
 */
public record ResizeShape(
    int n, int h, int w, int c, int outH, int outW, boolean bilinear, boolean alignCorners) {}
