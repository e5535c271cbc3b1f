package dev.thaw.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.thaw.Needs;
import dev.thaw.backend.Unary;
import java.io.IOException;
import java.lang.annotation.Annotation;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.bytedeco.javacpp.annotation.Cast;
import org.junit.jupiter.api.Test;

/** What is written twice, once for C++ and once for Java, says the same. */
final class HeaderTest {
  private static final Pattern FUNCTION =
      Pattern.compile("THAW_API\\s+([\\w ]+?)\\s+(thaw_\\w+)\\(([^)]*)\\);");
  private static final Pattern PARAMETER = Pattern.compile("(.*[\\s*])(\\w+)");
  private static final Pattern LINE = Pattern.compile("(?m)^UNARY\\((\\w+),\\s*(\\w+),");

  /** A header without comments, in one line. */
  private static String source(String file) throws IOException {
    return Files.readString(Needs.home().resolve(Path.of(file)))
        .replaceAll("(?s)/\\*.*?\\*/", "")
        .replaceAll("\\s+", " ");
  }

  /** By name: the type of the result, then those of the parameters, as C writes them. */
  private static Map<String, List<String>> declared() throws IOException {
    Map<String, List<String>> functions = new TreeMap<>();
    Matcher function = FUNCTION.matcher(source("native/thaw_cpu.h"));
    while (function.find()) {
      List<String> types = new ArrayList<>(List.of(function.group(1)));
      if (!function.group(3).equals("void")) {
        for (String parameter : function.group(3).split(",", -1)) {
          Matcher parts = PARAMETER.matcher(parameter.strip());
          assertEquals(true, parts.matches(), parameter);
          types.add(parts.group(1).strip());
        }
      }
      functions.put(function.group(2), types);
    }
    return functions;
  }

  /** The C type that JavaCPP passes: that of the cast, which must suit the Java type. */
  private static String type(Class<?> java, Annotation[] annotations) {
    for (Annotation annotation : annotations) {
      if (annotation instanceof Cast cast) {
        String c = cast.value()[0];
        assertEquals(
            java,
            c.equals("const char*")
                ? byte[].class
                : c.equals("const int*") ? int[].class : long.class,
            c);
        return c;
      }
    }
    return java.getName();
  }

  @Test
  void everyFunctionOfTheHeaderIsBoundAndNoOther() throws IOException {
    Map<String, List<String>> bound = new TreeMap<>();
    for (Method method :
        Stream.of(Native.class, NativeConv.class)
            .flatMap(c -> Arrays.stream(c.getDeclaredMethods()))
            .toList()) {
      if (Modifier.isNative(method.getModifiers())) {
        List<String> types = new ArrayList<>();
        types.add(type(method.getReturnType(), method.getAnnotations()));
        for (int i = 0; i < method.getParameterCount(); i++) {
          types.add(type(method.getParameterTypes()[i], method.getParameterAnnotations()[i]));
        }
        assertNull(bound.put(method.getName(), types), method.getName());
      }
    }
    assertFalse(bound.isEmpty());
    assertEquals(lines(declared()), lines(bound));
  }

  private static String lines(Map<String, List<String>> functions) {
    StringBuilder text = new StringBuilder();
    functions.forEach((name, types) -> text.append(name).append(' ').append(types).append('\n'));
    return text.toString();
  }

  @Test
  void theTableOfElementwiseFunctionsIsThatOfUnary() throws IOException {
    List<String> lines = new ArrayList<>();
    Matcher line = LINE.matcher(Files.readString(Needs.home().resolve("kernels/unary_ops.def")));
    while (line.find()) {
      lines.add(line.group(1) + " reads " + line.group(2));
    }
    assertEquals(
        Arrays.stream(Unary.values()).map(f -> f.id() + " reads " + f.reads()).sorted().toList(),
        lines.stream().sorted().toList());
  }
}
