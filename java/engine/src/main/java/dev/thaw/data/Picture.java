package dev.thaw.data;

import dev.thaw.memory.BadFileException;
import dev.thaw.memory.Check;
import dev.thaw.tensor.Shape;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * A decoded picture: bytes on the 0..255 scale, row by row, channels innermost; one channel for
 * grey and three for red, green, blue.
 *
 * <p>PNG, JPEG, BMP and GIF are decoded by the JDK. Samples are taken as they are stored: no colour
 * profile is applied and transparency is dropped, as the libraries do with which models are usually
 * trained. A JPEG is turned upright as its EXIF block says.
 */
public final class Picture {
  private static final List<String> FORMATS = List.of("png", "jpeg", "bmp", "gif");
  private static final int MOST_BYTES = 256 << 20;
  private static final long MOST_PIXELS = 64 << 20;

  /** A PNG of one bit a pixel at deflate's best: 8 pixels a byte, packed 1032 times. */
  private static final long PIXELS_PER_BYTE = 8 * 1032;

  private static final byte[] PNG = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

  private final int height;
  private final int width;
  private final int channels;
  private final byte[] pixels;

  /**
   * From bytes, which are not copied.
   *
   * @throws IllegalArgumentException when their number does not fit
   */
  public Picture(int height, int width, int channels, byte[] pixels) {
    Check.that(
        (long) height * width * channels == pixels.length && (channels == 1 || channels == 3),
        "picture: %d bytes are not %d x %d with %d channels, of which there may be 1 or 3",
        pixels.length,
        height,
        width,
        channels);
    this.height = height;
    this.width = width;
    this.channels = channels;
    this.pixels = pixels;
  }

  /**
   * Reads a file.
   *
   * @throws BadFileException when it is damaged or no picture
   * @throws IOException when it cannot be read
   */
  public static Picture read(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return read(in, file);
    }
  }

  /**
   * Reads a stream to its end.
   *
   * @param source what to call it in messages
   * @throws BadFileException when it is damaged or no picture
   * @throws IOException when it cannot be read
   */
  public static Picture read(InputStream in, Object source) throws IOException {
    byte[] bytes = in.readNBytes(MOST_BYTES);
    if (bytes.length == MOST_BYTES) {
      throw new BadFileException(
          source, -1, "a picture below " + MOST_BYTES + " bytes", "a larger file", "shrink it");
    }
    if (bytes.length >= PNG.length && Arrays.equals(bytes, 0, PNG.length, PNG, 0, PNG.length)) {
      checkPng(bytes, source);
    }
    return of(decode(bytes, source)).upright(Exif.orientation(bytes));
  }

  /** From an image in memory, whatever its layout. */
  public static Picture of(BufferedImage image) {
    ColorModel model = image.getColorModel();
    boolean indexed = model instanceof IndexColorModel;
    int space = model.getColorSpace().getType();
    boolean grey = indexed ? greyPalette((IndexColorModel) model) : space == ColorSpace.TYPE_GRAY;
    // BufferedImage.getRGB would brighten grey samples: Java takes them for linear light.
    boolean stored = !indexed && (grey || space == ColorSpace.TYPE_RGB);
    int h = image.getHeight();
    int w = image.getWidth();
    int c = grey ? 1 : 3;
    byte[] pixels = new byte[Math.multiplyExact(h * w, c)];
    Raster raster = image.getRaster();
    int bands = raster.getNumBands();
    int[] row = new int[w * Math.max(1, bands)];
    for (int y = 0, at = 0; y < h; y++) {
      if (stored) {
        raster.getPixels(raster.getMinX(), raster.getMinY() + y, w, 1, row);
      } else {
        image.getRGB(0, y, w, 1, row, 0, w);
      }
      for (int x = 0; x < w; x++) {
        for (int k = 0; k < c; k++) {
          pixels[at++] =
              (byte)
                  (stored
                      ? to8Bits(row[x * bands + k], model.getComponentSize(k))
                      : row[x] >> (grey ? 0 : 16 - 8 * k));
        }
      }
    }
    return new Picture(h, w, c, pixels);
  }

  private static int to8Bits(int sample, int bits) {
    return bits >= 8 ? sample >>> (bits - 8) : sample * 255 / ((1 << bits) - 1);
  }

  private static boolean greyPalette(IndexColorModel palette) {
    for (int i = 0; i < palette.getMapSize(); i++) {
      if (palette.getRed(i) != palette.getGreen(i) || palette.getRed(i) != palette.getBlue(i)) {
        return false;
      }
    }
    return true;
  }

  private static BufferedImage decode(byte[] bytes, Object source) throws IOException {
    try (ImageInputStream in = new MemoryCacheImageInputStream(new ByteArrayInputStream(bytes))) {
      Iterator<ImageReader> readers = ImageIO.getImageReaders(in);
      while (readers.hasNext()) {
        ImageReader reader = readers.next();
        if (FORMATS.contains(reader.getFormatName().toLowerCase(Locale.ROOT))) {
          try {
            return decode(reader, in, bytes.length, source);
          } finally {
            reader.dispose();
          }
        }
      }
    }
    throw new BadFileException(
        source, 0, "a picture, one of " + FORMATS, "something else", "convert it to PNG or JPEG");
  }

  private static BufferedImage decode(
      ImageReader reader, ImageInputStream in, int bytes, Object source) throws IOException {
    try {
      reader.setInput(in, true, true);
      long pixels = (long) reader.getWidth(0) * reader.getHeight(0);
      if (pixels > Math.min(MOST_PIXELS, PIXELS_PER_BYTE * bytes)) {
        throw new BadFileException(
            source,
            -1,
            "at most " + Math.min(MOST_PIXELS, PIXELS_PER_BYTE * bytes) + " pixels",
            reader.getWidth(0) + " x " + reader.getHeight(0),
            "the file is damaged, or should be shrunk");
      }
      return reader.read(0);
    } catch (BadFileException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      // The JDK's decoders meet damage with exceptions of every kind; to us it is one kind.
      throw new BadFileException(
          source,
          -1,
          "a whole " + reader.getFormatName() + " picture",
          e.getMessage() == null ? e.toString() : e.getMessage(),
          "replace it, or convert it to 8-bit RGB",
          e);
    }
  }

  /** Every piece of a PNG has a checksum; the JDK's decoder does not look at it. */
  private static void checkPng(byte[] bytes, Object source) throws IOException {
    ByteBuffer b = ByteBuffer.wrap(bytes).position(PNG.length);
    int kind = 0;
    while (kind != 0x49454E44) { // IEND
      int at = b.position();
      int length = b.remaining() < 12 ? -1 : b.getInt();
      if (length < 0 || length > b.remaining() - 8) {
        throw new BadFileException(
            source, at, "a whole chunk", b.remaining() + " bytes", "the file is cut short");
      }
      kind = b.getInt(b.position());
      CRC32 crc = new CRC32();
      crc.update(bytes, b.position(), length + 4);
      b.position(b.position() + length + 4);
      int stored = b.getInt();
      if (stored != (int) crc.getValue()) {
        throw new BadFileException(
            source,
            at,
            "a chunk with checksum " + Integer.toHexString(stored),
            Long.toHexString(crc.getValue()),
            "the file is damaged: copy it again");
      }
    }
  }

  /** Number of rows. */
  public int height() {
    return height;
  }

  /** Number of columns. */
  public int width() {
    return width;
  }

  /** 1 for grey, 3 for red, green, blue. */
  public int channels() {
    return channels;
  }

  /** The bytes themselves, not a copy. */
  public byte[] pixels() {
    return pixels;
  }

  /** [height, width, channels]. */
  public Shape shape() {
    return Shape.of(height, width, channels);
  }

  /**
   * This picture as a model wants it: the largest centred window of the target's proportions,
   * resized with antialiasing ({@link Resample}); grey where the target has one channel (0.299 red
   * + 0.587 green + 0.114 blue), grey three times where it has three.
   *
   * @param target [h, w, c], c being 1 or 3
   */
  public Picture fitted(Shape target) {
    Check.that(
        target.rank() == 3 && (target.dim(2) == 1 || target.dim(2) == 3) && target.elements() > 0,
        "picture: %s is no size of a picture, [h, w, 1] or [h, w, 3]",
        target);
    return sized(target.dim(0), target.dim(1)).coloured(target.dim(2));
  }

  private Picture sized(int h, int w) {
    if (h == height && w == width) {
      return this;
    }
    double scale = Math.min(height / (double) h, width / (double) w);
    double windowHeight = h * scale;
    double windowWidth = w * scale;
    byte[] resized =
        Resample.resize(
            pixels,
            height,
            width,
            channels,
            (height - windowHeight) / 2,
            (width - windowWidth) / 2,
            windowHeight,
            windowWidth,
            h,
            w);
    return new Picture(h, w, channels, resized);
  }

  private Picture coloured(int c) {
    if (c == channels) {
      return this;
    }
    byte[] changed = new byte[height * width * c];
    for (int i = 0; i < height * width; i++) {
      if (c == 3) {
        Arrays.fill(changed, 3 * i, 3 * i + 3, pixels[i]);
      } else {
        int r = pixels[3 * i] & 0xFF;
        int g = pixels[3 * i + 1] & 0xFF;
        int b = pixels[3 * i + 2] & 0xFF;
        changed[i] = (byte) ((19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16); // of 65536
      }
    }
    return new Picture(height, width, c, changed);
  }

  /**
   * Turned so that the top is up. An orientation says which sides the stored first row and first
   * column are: 2 top right, 3 bottom right, 4 bottom left, 5 left top, 6 right top, 7 right
   * bottom, 8 left bottom.
   */
  private Picture upright(int orientation) {
    if (orientation == Exif.UPRIGHT) {
      return this;
    }
    boolean sideways = orientation >= 5;
    int h = sideways ? width : height;
    int w = sideways ? height : width;
    boolean upsideDown =
        orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
    boolean mirrored = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
    byte[] turned = new byte[pixels.length];
    for (int y = 0, at = 0; y < h; y++) {
      for (int x = 0; x < w; x++) {
        int row = upsideDown ? h - 1 - y : y;
        int column = mirrored ? w - 1 - x : x;
        int from = (sideways ? column * width + row : row * width + column) * channels;
        for (int k = 0; k < channels; k++) {
          turned[at++] = pixels[from + k];
        }
      }
    }
    return new Picture(h, w, channels, turned);
  }
}
