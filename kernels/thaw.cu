// All kernels in one translation unit, and so one fatbin: what is packed into thaw-cuda's jar. Each file also compiles alone.
#include "elementwise.cu"
#include "reduce.cu"
#include "softmax.cu"
#include "stats.cu"
#include "random.cu"
#include "index.cu"
#include "pool.cu"
#include "norm.cu"
