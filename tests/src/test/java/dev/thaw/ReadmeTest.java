package dev.thaw;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The Java in README.md compiles against the engine as it is. */
class ReadmeTest {
  private static final Pattern EXAMPLE = Pattern.compile("(?s)```java\n(.*?)```");
  private static final Pattern CLASS = Pattern.compile("public class (\\w+)");

  @TempDir private Path folder = Path.of("");

  @Test
  void examplesCompile() throws IOException {
    Path readme = Path.of(System.getProperty("thaw.home", ".."), "README.md");
    Matcher examples = EXAMPLE.matcher(Files.readString(readme));
    List<Path> sources = new ArrayList<>();
    while (examples.find()) {
      Matcher name = CLASS.matcher(examples.group(1));
      assertTrue(name.find(), "an example without a class: " + examples.group(1));
      sources.add(Files.writeString(folder.resolve(name.group(1) + ".java"), examples.group(1)));
    }
    assertTrue(!sources.isEmpty(), "README.md has no example");
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    DiagnosticCollector<JavaFileObject> messages = new DiagnosticCollector<>();
    try (var files = compiler.getStandardFileManager(messages, null, null)) {
      List<String> options =
          List.of("-d", folder.toString(), "-cp", System.getProperty("java.class.path", ""));
      boolean compiled =
          compiler
              .getTask(
                  null, files, messages, options, null, files.getJavaFileObjectsFromPaths(sources))
              .call();
      assertEquals(List.of(), messages.getDiagnostics());
      assertTrue(compiled);
    }
  }
}
