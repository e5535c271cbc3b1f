// What heuristics give, and which of it works. Among the good engines are some that Thaw must pass over: for their notes,
// for the memory they want, because no plan can be made of them, because the plan does not run, or because it does not add
// to what lies in the output, where it should.
#include "cudnn_engines.h"

#include <cstdlib>
#include <cstring>

#include "cudnn_graph.h"
#include "cudnn_witness.h"

namespace thaw::dnn {

namespace {

// As A would rank them. None but 0, 5 and 7 give what float32 needs, each time the same.
const std::vector<Engine>& engines() {
  static const std::vector<Engine> all = {
      {8, {}, {}, false, Engine::FORGETS, false},
      {1, {TENSOR_CORE}, {}, false, Engine::GOOD, false},
      {2, {NONDETERMINISTIC}, {}, false, Engine::GOOD, false},
      {3, {}, {}, false, Engine::TOO_LARGE, false},
      {4, {}, {}, false, Engine::NOT_HERE, false},
      {5, {}, {}, false, Engine::GOOD, true},
      {6, {}, {RUNTIME_COMPILATION}, false, Engine::GOOD, false},
      {7, {}, {}, false, Engine::FAILS, false},
      {0, {}, {}, true, Engine::GOOD, false},
  };
  return all;
}

bool per_channel(const Descriptor& t) {
  const auto dims = t.numbers(TENSOR_DIMENSIONS);
  return dims[0] == 1 && dims[2] == 1 && dims[3] == 1;
}

bool adds(const Descriptor& op) {
  return op.kind == OPERATION_POINTWISE && op.other(OPERATION_FUNCTION)->at<int>(POINTWISE_MODE_OF) == ADD;
}

// A convolution alone, or forward with what cuDNN has compiled engines for: a residual, a bias, a ReLU, in this order, of
// which only the bias must be there. As an example of what is refused, the stand-in has none where channels are odd; nor
// does it add to an output of odd channels, or before an epilogue. Sums by channel it has for bf16, compiled at run time.
bool offered(const Descriptor& graph, const Engine& engine) {
  const auto& ops = graph.values.at(GRAPH_OPS).others;
  const bool adds_to = ops[0]->at<float>(first_of(ops[0]->kind) + BETA) != 0;
  if (engine.nature == Engine::FORGETS && !adds_to) return false;
  if (ops.size() == 1) return !adds_to || output(*ops[0])->at<std::int64_t>(TENSOR_DIMENSIONS, 1) % 2 == 0;
  if (adds_to) return false;
  if (ops[0]->kind != CONVOLUTION_FORWARD || output(*ops[0])->at<std::int64_t>(TENSOR_DIMENSIONS, 1) % 2 != 0) return false;
  if (has_statistics(graph)) return type_of(*output(*ops[0])) == DATA_BFLOAT16 && !engine.behaviors.empty();
  std::size_t next = 1;
  if (adds(*ops[next]) && !per_channel(*ops[next]->other(OPERATION_B))) ++next;
  if (next == ops.size() || !adds(*ops[next]) || !per_channel(*ops[next]->other(OPERATION_B))) return false;
  ++next;
  return next == ops.size() || (next + 1 == ops.size() && !adds(*ops[next]));
}

// Bytes that it computes in.
std::size_t workspace(const Engine& engine, const Descriptor& graph) {
  if (engine.nature == Engine::TOO_LARGE) return std::size_t{2} << 30;
  return engine.scratch ? elements(*output(*graph.values.at(GRAPH_OPS).others.front())) * sizeof(float) : 0;
}

}  // namespace

const Engine* engine(std::int64_t index) {
  for (const Engine& e : engines()) {
    if (e.index == index) return &e;
  }
  return nullptr;
}

Answer find_engines(Descriptor& d) {
  const int mode = d.at<int>(HEUR_MODE_OF);
  if (mode != A && mode != FALLBACK) return refused(BAD_PARAM, "the stand-in has modes A and FALLBACK, found " + std::to_string(mode));
  if (witness::present()) return witness::find_engines(d);
  const char* refuses = std::getenv("THAW_SIM_REFUSES");
  if (refuses != nullptr && std::strcmp(refuses, "convolutions") == 0) {
    return refused(EXECUTION_FAILED, "THAW_SIM_REFUSES is set");
  }
  Value results{BACKEND_DESCRIPTOR, {}, {}};
  for (const Engine& e : engines()) {
    if (e.fallback != (mode == FALLBACK) || !offered(*d.other(HEUR_GRAPH), e)) continue;
    const Shared described = std::make_shared<Descriptor>(ENGINE), config = std::make_shared<Descriptor>(ENGINECFG);
    described->values[ENGINE_GRAPH] = d.values.at(HEUR_GRAPH);
    described->put<std::int64_t>(ENGINE_INDEX, INT64, {e.index});
    described->put(ENGINE_NUMERICAL_NOTE, NUMERICAL_NOTE, e.numerics);
    described->put(ENGINE_BEHAVIOR_NOTE, BEHAVIOR_NOTE, e.behaviors);
    described->finished = true;
    config->values[ENGINECFG_ENGINE] = {BACKEND_DESCRIPTOR, {}, {described}};
    config->finished = true;
    results.others.push_back(config);
  }
  d.values[HEUR_RESULTS] = results;
  return {};
}

Answer make_plan(Descriptor& d) {
  const Descriptor& described = *d.other(PLAN_CONFIG)->other(ENGINECFG_ENGINE);
  const Descriptor& graph = *described.other(ENGINE_GRAPH);
  if (d.at<void*>(PLAN_HANDLE) != graph.at<void*>(GRAPH_HANDLE)) {
    return refused(BAD_PARAM, "the plan's context is not that of its graph");
  }
  if (witness::present()) return witness::make_plan(d);
  const Engine& e = *engine(described.at<std::int64_t>(ENGINE_INDEX));
  if (e.nature == Engine::NOT_HERE) return refused(NOT_SUPPORTED_SHAPE, "engine 4 never fits");
  d.put<std::int64_t>(PLAN_WORKSPACE, INT64, {static_cast<std::int64_t>(workspace(e, graph))});
  return {};
}

}  // namespace thaw::dnn
