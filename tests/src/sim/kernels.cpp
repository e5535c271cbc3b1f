// All of kernels/, compiled for the CPU, and the kernels that tests bring along.
#include "thaw.cu"

#include "../test/cuda/cube.cu"
