#include "cudnn_witness.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>

namespace thaw::dnn::witness {

namespace {

// Numbers that only the witness has to do with.
constexpr int DEVICEPROP = 38, CHAR = 24, DEVICEPROP_JSON = 2702, HEUR_DEVICEPROP = 204, PLAN_DEVICEPROP = 407;
constexpr long MOST_NOTES = 32;

using Twin = std::shared_ptr<void>;

// The functions of the real library.
struct Library {
  std::size_t (*version)();
  const char* (*error)(int);
  void (*last_error)(char*, std::size_t);
  int (*create)(int, void**);
  int (*destroy)(void*);
  int (*set)(void*, int, int, std::int64_t, const void*);
  int (*finish)(void*);
  int (*get)(void*, int, int, std::int64_t, std::int64_t*, void*);
  void* properties = nullptr;
};

[[noreturn]] void end(const std::string& line) {
  std::fprintf(stderr, "THAW_WITNESS: %s\n", line.c_str());
  std::abort();
}

// An H200 as cuDNN describes it. THAW_WITNESS_CAPABILITY makes it another one, 800 for compute capability 8.0: with less
// shared memory, and the rest as it is.
std::string properties(std::size_t version) {
  const char* named = std::getenv("THAW_WITNESS_CAPABILITY");
  const int capability = named == nullptr ? 900 : std::atoi(named);
  const int shared = capability >= 900 && capability < 1200 ? 232448 : capability == 800 ? 166912 : capability == 750 ? 65536 : 101376;
  std::ostringstream json;
  json << R"({"maxGridSize":[2147483647,65535,65535],"maxBlockSize":[1024,1024,64],"regsPerBlock":65536,)"
       << R"("multiProcessorCount":132,"smCountOrigin":0,"warpSize":32,"maxSharedMemoryPerBlock":49152,)"
       << R"("maxSharedMemoryPerBlockOptin":)" << shared << R"(,"reservedSharedMemoryPerBlock":1024,"maxRegistersPerSM":65536,)"
       << R"("maxCtasPerSM":32,"maxThreadsPerBlock":1024,"maxThreadsPerSM":2048,"pciDeviceId":9013,"isTccDriver":0,)"
       << R"("supportCoopLaunch":1,"smClockRateKHz":1980000,"memClockRateKHz":3201000,"l2CacheSize":62914560,)"
       << R"("deviceName":"NVIDIA H200","deviceVer":)" << capability << R"(,"driverVer":13000,"cudaDeviceId":0,)"
       << R"("totalGlobalMem":150115844096,"cudnnVersion":)" << version << R"(,"schemaVersion":1})";
  return json.str();
}

// A name space of its own: in this process' the stand-ins have the names of the real libraries.
void* load(Lmid_t& space, const std::string& path) {
  void* library = dlmopen(space, path.c_str(), RTLD_NOW);
  if (library == nullptr) end(dlerror());
  if (space == LM_ID_NEWLM) dlinfo(library, RTLD_DI_LMID, &space);
  return library;
}

std::string beside_me(const char* name) {
  Dl_info me;
  dladdr(reinterpret_cast<void*>(&present), &me);
  return std::filesystem::path(me.dli_fname).replace_filename(name).string();
}

template <class F>
void find(void* library, const char* name, F& function) {
  function = reinterpret_cast<F>(dlsym(library, name));
  if (function == nullptr) end(std::string(name) + " is not in libcudnn_graph.so.9");
}

Library* open(const std::string& folders) {
  Lmid_t space = LM_ID_NEWLM;
  load(space, beside_me("libcuda_witness.so"));
  void* cudnn = nullptr;
  for (const char* name : {"libcublasLt.so.13", "libnvrtc.so.13", "libcudnn_graph.so.9"}) {
    std::istringstream all(folders);
    std::string found;
    for (std::string folder; std::getline(all, folder, ':');) {
      const std::string path = folder + "/" + name;
      if (found.empty() && std::filesystem::exists(path)) found = path;
    }
    if (found.empty()) end(std::string(name) + " is in none of " + folders);
    cudnn = load(space, found);
  }
  auto* l = new Library;
  find(cudnn, "cudnnGetVersion", l->version);
  find(cudnn, "cudnnGetErrorString", l->error);
  find(cudnn, "cudnnGetLastErrorString", l->last_error);
  find(cudnn, "cudnnBackendCreateDescriptor", l->create);
  find(cudnn, "cudnnBackendDestroyDescriptor", l->destroy);
  find(cudnn, "cudnnBackendSetAttribute", l->set);
  find(cudnn, "cudnnBackendFinalize", l->finish);
  find(cudnn, "cudnnBackendGetAttribute", l->get);
  const std::string json = properties(l->version());
  if (l->create(DEVICEPROP, &l->properties) != SUCCESS ||
      l->set(l->properties, DEVICEPROP_JSON, CHAR, static_cast<std::int64_t>(json.size()), json.data()) != SUCCESS ||
      l->finish(l->properties) != SUCCESS) {
    end("cuDNN " + std::to_string(l->version()) + " does not take the properties of a card; needed is 9.8 or newer");
  }
  return l;
}

const Library* library() {
  const char* folders = std::getenv("THAW_WITNESS");
  static const Library* l = folders == nullptr || *folders == 0 ? nullptr : open(folders);
  return l;
}

Answer answer(int status, const std::string& what) {
  if (status == SUCCESS) return {};
  char message[1024] = "";
  library()->last_error(message, sizeof message);
  return refused(static_cast<Status>(status),
                 "cuDNN itself, " + what + ": " + library()->error(status) + " " + message);
}

Answer make(int kind, Twin& twin) {
  void* handle = nullptr;
  const int status = library()->create(kind, &handle);
  if (status == SUCCESS) twin = Twin(handle, library()->destroy);
  return answer(status, "creating a descriptor of kind " + std::to_string(kind));
}

Answer set_properties(const Descriptor& d, int name) {
  return answer(library()->set(d.twin.get(), name, BACKEND_DESCRIPTOR, 1, &library()->properties), "the properties of a card");
}

Answer notes(const Descriptor& engine, int name, Type type, std::vector<int>& found) {
  std::int64_t count = 0;
  found.resize(MOST_NOTES);
  const int status = library()->get(engine.twin.get(), name, type, MOST_NOTES, &count, found.data());
  found.resize(status == SUCCESS ? count : 0);
  return answer(status, "the notes of an engine");
}

// The engine of a configuration, as the stand-in describes one.
Answer describe(const Shared& config, const Descriptor& heuristics) {
  const Shared engine = std::make_shared<Descriptor>(ENGINE);
  Answer r = make(ENGINE, engine->twin);
  if (!r.ok()) return r;
  void* into = engine->twin.get();
  std::int64_t count = 0;
  r = answer(library()->get(config->twin.get(), ENGINECFG_ENGINE, BACKEND_DESCRIPTOR, 1, &count, &into), "an engine");
  std::int64_t index = 0;
  if (r.ok()) r = answer(library()->get(into, ENGINE_INDEX, INT64, 1, &count, &index), "the index of an engine");
  std::vector<int> numerics, behaviors;
  if (r.ok()) r = notes(*engine, ENGINE_NUMERICAL_NOTE, NUMERICAL_NOTE, numerics);
  if (r.ok()) r = notes(*engine, ENGINE_BEHAVIOR_NOTE, BEHAVIOR_NOTE, behaviors);
  engine->values[ENGINE_GRAPH] = heuristics.values.at(HEUR_GRAPH);
  engine->put<std::int64_t>(ENGINE_INDEX, INT64, {index});
  engine->put(ENGINE_NUMERICAL_NOTE, NUMERICAL_NOTE, numerics);
  engine->put(ENGINE_BEHAVIOR_NOTE, BEHAVIOR_NOTE, behaviors);
  engine->finished = true;
  config->values[ENGINECFG_ENGINE] = {BACKEND_DESCRIPTOR, {}, {engine}};
  config->finished = true;
  return r;
}

}  // namespace

bool present() { return library() != nullptr; }

std::size_t version() { return library()->version(); }

Answer create(Descriptor& d) { return make(d.kind, d.twin); }

Answer set(Descriptor& d, int name, int type, std::int64_t count, const void* elements) {
  // It has no context: the properties stand for it.
  if (type == HANDLE) return {};
  std::vector<void*> twins;
  if (type == BACKEND_DESCRIPTOR) {
    for (const Shared& other : d.values.at(name).others) twins.push_back(other->twin.get());
    elements = twins.data();
  }
  return answer(library()->set(d.twin.get(), name, type, count, elements),
                "attribute " + std::to_string(name) + " of " + name_of(d.kind));
}

Answer finish(Descriptor& d) { return answer(library()->finish(d.twin.get()), "finishing " + name_of(d.kind)); }

Answer find_engines(Descriptor& d) {
  Answer r = set_properties(d, HEUR_DEVICEPROP);
  if (r.ok()) r = witness::finish(d);
  std::int64_t count = 0;
  if (r.ok()) r = answer(library()->get(d.twin.get(), HEUR_RESULTS, BACKEND_DESCRIPTOR, 0, &count, nullptr), "counting engines");
  Value results{BACKEND_DESCRIPTOR, {}, {}};
  std::vector<void*> twins;
  for (std::int64_t i = 0; r.ok() && i < count; ++i) {
    results.others.push_back(std::make_shared<Descriptor>(ENGINECFG));
    r = make(ENGINECFG, results.others.back()->twin);
    twins.push_back(results.others.back()->twin.get());
  }
  if (r.ok() && count > 0) {
    r = answer(library()->get(d.twin.get(), HEUR_RESULTS, BACKEND_DESCRIPTOR, count, &count, twins.data()), "reading engines");
  }
  results.others.resize(r.ok() ? count : 0);
  for (const Shared& config : results.others) {
    if (r.ok()) r = describe(config, d);
  }
  d.values[HEUR_RESULTS] = results;
  return r;
}

Answer make_plan(Descriptor& d) {
  Answer r = set_properties(d, PLAN_DEVICEPROP);
  if (r.ok()) r = witness::finish(d);
  std::int64_t bytes = 0, count = 0;
  if (r.ok()) r = answer(library()->get(d.twin.get(), PLAN_WORKSPACE, INT64, 1, &count, &bytes), "the workspace of a plan");
  d.put<std::int64_t>(PLAN_WORKSPACE, INT64, {bytes});
  return r;
}

}  // namespace thaw::dnn::witness
