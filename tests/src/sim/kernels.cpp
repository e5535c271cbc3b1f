// All of kernels/, compiled for the CPU.
#include "thaw.cu"
