package dev.thaw.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Collection;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.results.format.ResultFormatFactory;
import org.openjdk.jmh.results.format.ResultFormatType;

/** A file of JMH's figures, with the machine they were made on. */
final class ResultFile {
  private ResultFile() {}

  /** Writes {@code bench/results/NAME.json}, replacing an older one, and returns its path. */
  static Path write(String name, Collection<RunResult> results) throws IOException {
    Path folder = Machine.results();
    Path file = folder.resolve(name + ".json");
    Path aside = folder.resolve(name + ".json.part");
    try (JsonGenerator json = new JsonFactory().createGenerator(Files.newBufferedWriter(aside))) {
      json.setPrettyPrinter(new DefaultPrettyPrinter());
      json.writeStartObject();
      json.writeStringField("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
      json.writeStringField("commit", Machine.commit());
      json.writeStringField("processor", Machine.processor());
      json.writeNumberField("cores", Machine.cores());
      json.writeStringField("system", Machine.system());
      json.writeStringField("java", Machine.java());
      json.writeFieldName("jmh");
      json.writeRawValue(jmh(results));
      json.writeEndObject();
    }
    return Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE);
  }

  private static String jmh(Collection<RunResult> results) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(bytes, false, UTF_8);
    ResultFormatFactory.getInstance(ResultFormatType.JSON, out).writeOut(results);
    out.flush();
    return bytes.toString(UTF_8).strip();
  }
}
