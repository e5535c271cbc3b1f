// A stand-in for libcudart.so.13: the binding of the driver's calls is linked against it, and finds it by its name and its
// symbol version (cudart.map); the engine calls none of its functions. These two say which it is.
extern "C" {
__attribute__((visibility("default"))) int cudaDriverGetVersion(int* version) {
  *version = 13000;
  return 0;
}

__attribute__((visibility("default"))) int cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return 0;
}
}
