// What ./thaw shell starts with. Tensors need a scope around them; this one lasts as long as the shell.
import dev.thaw.memory.*;
import dev.thaw.backend.*;
import dev.thaw.tensor.*;
import dev.thaw.nn.*;
import dev.thaw.optim.*;
import dev.thaw.data.*;
import dev.thaw.io.*;
import dev.thaw.models.*;
import dev.thaw.transfer.*;
Scope scope = Scope.open();
