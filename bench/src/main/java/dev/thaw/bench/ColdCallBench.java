package dev.thaw.bench;

import dev.thaw.memory.Device;
import dev.thaw.models.ModelCard;
import dev.thaw.models.ModelFile;
import dev.thaw.models.SeedCnn;
import dev.thaw.nn.Module;
import dev.thaw.train.Predictor;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The first prediction of a JVM: load the backend's native code, read SeedCnn from its file, make a
 * plan, answer. Each fork measures one call. The start of the JVM itself is not in it.
 */
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(10)
@Warmup(iterations = 0)
@Measurement(iterations = 1)
@State(org.openjdk.jmh.annotations.Scope.Thread)
public class ColdCallBench {
  @Param({"plain", "cpu"})
  public String device;

  private Path file;
  private BufferedImage picture;

  /** Writes the model by the plain device, so that nothing of the measured one is warm. */
  @Setup
  public void open() throws IOException {
    file = Files.createTempFile("seed-cnn", ".safetensors");
    picture = new BufferedImage(28, 28, BufferedImage.TYPE_BYTE_GRAY);
    List<String> classes = IntStream.range(0, 10).mapToObj(String::valueOf).toList();
    try (Device.Use plain = Device.of("plain").use();
        Module model = new SeedCnn(28, 28, 1, 10)) {
      ModelFile.save(
          file,
          model,
          new ModelCard(
              "seed-cnn",
              java.util.Objects.requireNonNull(model.example()),
              classes,
              List.of(0.13),
              List.of(0.31),
              List.of()));
    }
  }

  /** Removes the file. */
  @TearDown
  public void close() throws IOException {
    Files.deleteIfExists(file);
  }

  /** From the file to the answer. */
  @Benchmark
  public String firstPrediction() throws IOException {
    try (Device.Use on = Device.of(device).use();
        Predictor predictor = Predictor.open(file)) {
      return predictor.predict(picture).label();
    }
  }
}
