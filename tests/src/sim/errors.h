// What a call answers: CUDA's number, and one line that says what, where, expected and found.
#pragma once

#include <string>

#include "cuda_types.h"

namespace thaw::sim {

struct Result {
  CUresult code = CUDA_SUCCESS;
  std::string message;

  bool ok() const { return code == CUDA_SUCCESS; }
};

inline Result refused(CUresult code, std::string message) { return {code, std::move(message)}; }

inline Result illegal(std::string message) { return {CUDA_ERROR_ILLEGAL_ADDRESS, std::move(message)}; }

// CUDA's name of an error, and what it means in general. nullptr for a number that is none.
const char* error_name(CUresult code);
const char* error_meaning(CUresult code);

}  // namespace thaw::sim
