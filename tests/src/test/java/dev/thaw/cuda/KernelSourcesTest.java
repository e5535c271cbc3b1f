package dev.thaw.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is handed to the compiler, and to the driver. */
class KernelSourcesTest {
  @TempDir private Path folder = Path.of("");

  @Test
  void filesBesideOnesOwnStandInForOurs() throws IOException {
    Map<String, String> ours = KernelSources.read(null).files();
    String mine = "#include \"common.cuh\"\n#include \"mine.cuh\"\n";
    Files.writeString(folder.resolve("mine.cu"), mine);
    Files.writeString(folder.resolve("mine.cuh"), "// of my own\n");
    Files.writeString(folder.resolve("unary_ops.def"), "// edited\n");
    Map<String, String> files = KernelSources.read(folder, "mine.cu").files();
    assertEquals(mine, files.get("mine.cu"));
    assertEquals("// of my own\n", files.get("mine.cuh"));
    assertEquals("// edited\n", files.get("unary_ops.def"));
    assertNotEquals("// edited\n", ours.get("unary_ops.def"));
    assertEquals(ours.get("common.cuh"), files.get("common.cuh"));
    assertEquals(ours.size() + 2, files.size());
  }

  @Test
  void filesOfAnyNameAreIncluded() throws IOException {
    Files.createDirectories(folder.resolve("sub"));
    Files.writeString(folder.resolve("mine.cu"), "#include \"my-own.cuh\"\n");
    Files.writeString(folder.resolve("my-own.cuh"), "#include \"sub/deep.cuh\"\n");
    Files.writeString(folder.resolve("sub/deep.cuh"), "// deep\n");
    Map<String, String> files = KernelSources.read(folder, "mine.cu").files();
    assertEquals("// deep\n", files.get("sub/deep.cuh"));
  }

  /** Or what was edited would go unused, and nobody say so. */
  @Test
  void editedFilesStandInForOneOfOurs() throws IOException {
    NoSuchFileException none =
        assertThrows(NoSuchFileException.class, () -> KernelSources.edited(folder));
    String ours = "; ours are common.cuh, conv.cu, ";
    assertTrue(
        String.valueOf(none.getMessage())
            .startsWith(folder + " holds no edited file of kernels/" + ours),
        none.getMessage());
    Files.writeString(folder.resolve("unary_ops.def"), "// edited\n");
    Files.writeString(folder.resolve("notes.txt"), "what was edited\n");
    assertEquals("// edited\n", KernelSources.edited(folder).files().get("unary_ops.def"));
    Path stray = Files.writeString(folder.resolve("softmx.cu"), "// misspelt\n");
    NoSuchFileException strays =
        assertThrows(NoSuchFileException.class, () -> KernelSources.edited(folder));
    assertTrue(
        String.valueOf(strays.getMessage())
            .startsWith(stray + " stands in for none of our files" + ours),
        strays.getMessage());
  }

  @Test
  void aFileThatIsNowhere() {
    NoSuchFileException missing =
        assertThrows(NoSuchFileException.class, () -> KernelSources.read(folder, "absent.cu"));
    assertEquals("no absent.cu in " + folder, missing.getMessage());
  }

  /** As a C compiler lays out (int, long long, float, double, pointer). */
  @Test
  void argumentsAreAlignedToTheirSize() {
    ByteBuffer expected = ByteBuffer.allocate(40).order(ByteOrder.nativeOrder());
    expected.putInt(0, 7).putLong(8, -2).putFloat(16, 0.5f).putDouble(24, 3).putLong(32, 0);
    byte[] block = OwnKernels.block(7, -2L, 0.5f, 3.0, null);
    // What lies between is never read.
    for (int gap : new int[] {4, 5, 6, 7, 20, 21, 22, 23}) {
      block[gap] = 0;
    }
    assertArrayEquals(expected.array(), block);
  }
}
