// A stand-in for libcublas.so.13: the binding of cuBLASLt is linked against it, and finds it by its name and its symbol
// version (cublas.map); the engine calls none of its functions. This one says which CUDA it is of.
extern "C" __attribute__((visibility("default"))) unsigned long cublasGetCudartVersion() { return 13000; }
