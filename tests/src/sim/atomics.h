// Atomic functions. Only one thread runs at a time, so each is what it does.
#pragma once

namespace thaw::sim {

template <class T>
T exchange(T* at, T value) {
  const T old = *at;
  *at = value;
  return old;
}

}  // namespace thaw::sim

inline int atomicAdd(int* at, int value) { return thaw::sim::exchange(at, int(unsigned(*at) + unsigned(value))); }
inline unsigned atomicAdd(unsigned* at, unsigned value) { return thaw::sim::exchange(at, *at + value); }
inline unsigned long long atomicAdd(unsigned long long* at, unsigned long long value) {
  return thaw::sim::exchange(at, *at + value);
}
inline float atomicAdd(float* at, float value) { return thaw::sim::exchange(at, *at + value); }
inline double atomicAdd(double* at, double value) { return thaw::sim::exchange(at, *at + value); }

inline int atomicMax(int* at, int value) { return thaw::sim::exchange(at, value > *at ? value : *at); }
inline int atomicMin(int* at, int value) { return thaw::sim::exchange(at, value < *at ? value : *at); }

inline int atomicCAS(int* at, int expected, int value) {
  return thaw::sim::exchange(at, *at == expected ? value : *at);
}
inline unsigned atomicCAS(unsigned* at, unsigned expected, unsigned value) {
  return thaw::sim::exchange(at, *at == expected ? value : *at);
}
inline unsigned long long atomicCAS(unsigned long long* at, unsigned long long expected, unsigned long long value) {
  return thaw::sim::exchange(at, *at == expected ? value : *at);
}

inline int atomicExch(int* at, int value) { return thaw::sim::exchange(at, value); }
inline unsigned atomicExch(unsigned* at, unsigned value) { return thaw::sim::exchange(at, value); }

// Writes are seen at once.
inline void __threadfence() {}
inline void __threadfence_block() {}
