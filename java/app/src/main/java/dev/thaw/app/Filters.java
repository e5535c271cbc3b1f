package dev.thaw.app;

import dev.thaw.nn.Conv2d;
import dev.thaw.nn.Linear;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.tensor.Shape;
import dev.thaw.transfer.Layers;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Base64;
import javax.imageio.ImageIO;
import org.jspecify.annotations.Nullable;

/**
 * What the units of a model's first layer look for, as small pictures in which mid-grey is 0.
 *
 * @param units number of pictures
 * @param height of one
 * @param width of one
 * @param channels 1 for grey, 3 for colours
 * @param weights [units, height, width, channels]
 */
record Filters(int units, int height, int width, int channels, float[] weights) {
  private static final int MOST_UNITS = 64;
  private static final int COLUMNS = 8;
  private static final int PIXELS = 264;

  /** The filters of the first layer, or null where they are no pictures. */
  static @Nullable Filters of(Module model) {
    Module first = Layers.of(model).get(0).module();
    if (first instanceof Conv2d conv) {
      Shape shape = conv.weight().shape();
      return of(conv.weight(), shape.dim(0), shape.dim(1), shape.dim(2), shape.dim(3));
    }
    Shape example = model.example();
    if (first instanceof Linear linear && example != null && example.rank() == 4) {
      int elements = (int) example.elements();
      boolean grey = example.dim(3) == 1 && linear.inFeatures() == elements;
      return grey
          ? of(linear.weight(), linear.outFeatures(), example.dim(1), example.dim(2), 1)
          : null;
    }
    return null;
  }

  private static @Nullable Filters of(Parameter weight, int units, int h, int w, int channels) {
    boolean picture = h * w > 1 && (channels == 1 || channels == 3);
    return picture ? new Filters(units, h, w, channels, weight.values()) : null;
  }

  /** How far each weight is from where it was. */
  Filters minus(Filters before) {
    float[] change = weights.clone();
    for (int i = 0; i < change.length; i++) {
      change[i] -= before.weights[i];
    }
    return new Filters(units, height, width, channels, change);
  }

  /** The largest absolute weight. */
  double largest() {
    return largest(0, weights.length);
  }

  private double largest(int from, int to) {
    float largest = 0;
    for (int i = from; i < to; i++) {
      largest = Math.max(largest, Math.abs(weights[i]));
    }
    return largest;
  }

  /**
   * An {@code img} element with the pictures inside.
   *
   * @param eachAlone whether each unit is scaled by its own largest weight, or all by the same
   */
  String img(boolean eachAlone) throws IOException {
    int shown = Math.min(units, MOST_UNITS);
    int columns = Math.min(COLUMNS, shown);
    int rows = (shown + columns - 1) / columns;
    int across = columns * (width + 1) + 1;
    int down = rows * (height + 1) + 1;
    BufferedImage image = new BufferedImage(across, down, BufferedImage.TYPE_INT_ARGB);
    for (int unit = 0; unit < shown; unit++) {
      int n = height * width * channels;
      double scale = eachAlone ? largest(unit * n, (unit + 1) * n) : largest();
      int left = 1 + unit % columns * (width + 1);
      draw(image, unit, left, 1 + unit / columns * (height + 1), Math.max(scale, 1e-12));
    }
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    ImageIO.write(image, "png", png);
    int zoom = Math.max(1, PIXELS / across);
    return String.format(
        "<img alt=\"first-layer filters\" width=\"%d\" height=\"%d\""
            + " src=\"data:image/png;base64,%s\"/>",
        zoom * across, zoom * down, Base64.getEncoder().encodeToString(png.toByteArray()));
  }

  private void draw(BufferedImage image, int unit, int left, int top, double scale) {
    int n = height * width * channels;
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        int rgb = 0xFF;
        for (int k = 0; k < 3; k++) {
          int channel = channels == 3 ? k : 0;
          double v = weights[unit * n + (y * width + x) * channels + channel] / scale;
          rgb = rgb << 8 | (int) Math.round(127.5 + 127.5 * v);
        }
        image.setRGB(left + x, top + y, rgb);
      }
    }
  }
}
