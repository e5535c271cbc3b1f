// What ./thaw shell starts with. Tensors need a scope around them; this one lasts as long as the shell.
import dev.thaw.memory.*;
import dev.thaw.backend.*;
import dev.thaw.tensor.*;
Scope scope = Scope.open();
