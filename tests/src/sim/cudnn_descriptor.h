// A descriptor of cuDNN's: attributes by number, each with its type and count, that can be set until it is finished and
// read after.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cudnn_types.h"

namespace thaw::dnn {

// What a call answers: cuDNN's status, and one line that says what, expected and found.
struct Answer {
  Status status = SUCCESS;
  std::string message;

  bool ok() const { return status == SUCCESS; }
};

inline Answer refused(Status status, std::string message) { return {status, std::move(message)}; }

struct Descriptor;
using Shared = std::shared_ptr<Descriptor>;

struct Value {
  Type type;
  std::vector<char> bytes;
  std::vector<Shared> others;  // for BACKEND_DESCRIPTOR

  long count() const;
};

struct Descriptor {
  explicit Descriptor(Kind kind) : kind(kind) {}

  const Kind kind;
  bool finished = false;
  std::map<int, Value> values;
  std::shared_ptr<void> twin;  // in the real library, where there is a witness

  bool has(int name) const { return values.count(name) != 0; }
  long count(int name) const { return has(name) ? values.at(name).count() : 0; }

  // The i-th element; the attribute is there and has it.
  template <class T>
  T at(int name, long i = 0) const {
    return reinterpret_cast<const T*>(values.at(name).bytes.data())[i];
  }
  std::vector<std::int64_t> numbers(int name) const;
  const Shared& other(int name, long i = 0) const { return values.at(name).others.at(i); }

  template <class T>
  void put(int name, Type type, const std::vector<T>& elements) {
    const char* first = reinterpret_cast<const char*>(elements.data());
    values[name] = {type, {first, first + elements.size() * sizeof(T)}, {}};
  }
};

std::string name_of(Kind kind);

// Whether the kind is known.
bool known(int kind);

// The descriptor behind a handle; nullptr if it is none, or was destroyed.
Shared find(const void* handle);
void* add(Kind kind);
bool remove(const void* handle);

Answer set(Descriptor& d, int name, int type, std::int64_t count, const void* elements);
Answer get(const Descriptor& d, int name, int type, std::int64_t most, std::int64_t* count, void* elements);

// Whether all attributes that must be set are, alone and together; then it is finished.
Answer finish(Descriptor& d);

// The parts of finish that know what attributes mean.
Answer check_tensor(const Descriptor& d);
Answer check_window(const Descriptor& d);
Answer check_convolution(const Descriptor& d);
Answer check_function(const Descriptor& d);
Answer check_pointwise(const Descriptor& d);
Answer check_statistics(const Descriptor& d);
Answer check_graph(const Descriptor& d);
Answer check_pack(const Descriptor& d);
Answer find_engines(Descriptor& heuristics);
Answer make_plan(Descriptor& plan);

}  // namespace thaw::dnn
