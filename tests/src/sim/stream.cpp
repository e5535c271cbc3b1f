// The queues of streams, and who waits for whom.
#include "stream.h"

#include <algorithm>

#include "capture.h"

namespace thaw::sim {

namespace {

// Operations that a stream holds back.
constexpr std::size_t LONGEST = 1024;

Result spoilt() { return refused(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "an earlier call has spoilt this capture"); }

class Reached final : public Operation {
 public:
  explicit Reached(std::shared_ptr<Moment> moment) : moment_(std::move(moment)) {}
  Result run(Memory&) override {
    moment_->reached = true;
    moment_->time = std::chrono::steady_clock::now();
    return {};
  }

 private:
  std::shared_ptr<Moment> moment_;
};

class Wait final : public Operation {
 public:
  Wait(Streams& streams, std::shared_ptr<Moment> moment) : streams_(streams), moment_(std::move(moment)) {}
  Result run(Memory&) override {
    streams_.run_until(*moment_);
    return {};
  }

 private:
  Streams& streams_;
  std::shared_ptr<Moment> moment_;
};

}  // namespace

Stream* Streams::create(bool blocking) {
  auto* stream = new Stream;
  stream->blocking = blocking;
  streams_.push_back(stream);
  return stream;
}

void Streams::destroy(Stream* stream) {
  run(stream);
  if (const std::shared_ptr<Capture> capture = stream->capture) {
    capture->valid = false;
    if (capture->origin == stream) end(*capture);
  }
  streams_.erase(std::find(streams_.begin(), streams_.end(), stream));
  delete stream;
}

void Streams::destroy_all() {
  run_all();
  while (!streams_.empty()) destroy(streams_.back());
}

void Streams::push(Stream* stream, Work work) {
  stream->queue.push_back(std::move(work));
  while (stream->queue.size() > LONGEST) run_one(stream);
}

std::shared_ptr<Moment> Streams::moment(Stream* stream) {
  auto m = std::make_shared<Moment>();
  m->stream = stream;
  push(stream, std::make_shared<Reached>(m));
  return m;
}

// The default stream and the blocking ones run in the order in which they were given work.
void Streams::join_default_stream(Stream* stream) {
  if (stream == &default_) {
    for (Stream* other : streams_) {
      if (other->blocking && !other->queue.empty()) push(&default_, std::make_shared<Wait>(*this, moment(other)));
    }
  } else if (stream->blocking && !default_.queue.empty()) {
    push(stream, std::make_shared<Wait>(*this, moment(&default_)));
  }
}

Result Streams::enqueue(Stream* stream, Work work) {
  Result r = work->check(memory_);
  if (!r.ok()) return r;
  if (stream->capture != nullptr) {
    if (!stream->capture->valid) return spoilt();
    stream->capture->nodes.push_back({std::move(work), stream->after});
    stream->after = {static_cast<int>(stream->capture->nodes.size()) - 1};
    return {};
  }
  if (stream == &default_) {
    for (Stream* other : streams_) {
      if (!other->blocking || other->capture == nullptr) continue;
      other->capture->valid = false;
      return refused(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT,
                     "the default stream would wait for a stream that is recorded; give the call a stream, or make the "
                     "other one with CU_STREAM_NON_BLOCKING");
    }
  }
  join_default_stream(stream);
  push(stream, std::move(work));
  return {};
}

Result Streams::record(Stream* stream, Event* event) {
  if (stream->capture != nullptr) {
    if (!stream->capture->valid) return spoilt();
    event->recorded = nullptr;
    event->capture = stream->capture;
    event->after = stream->after;
    return {};
  }
  join_default_stream(stream);
  event->capture = nullptr;
  event->after.clear();
  event->recorded = moment(stream);
  return {};
}

Result Streams::wait_for(Stream* stream, const Event& event) {
  if (event.capture == nullptr) {
    if (event.recorded == nullptr) return {};
    if (stream->capture != nullptr) {
      stream->capture->valid = false;
      return refused(CUDA_ERROR_STREAM_CAPTURE_ISOLATION,
                     "the stream is recorded, and the event it should wait for was recorded outside of the capture");
    }
    join_default_stream(stream);
    if (eager_) run_until(*event.recorded);
    if (!event.recorded->reached) push(stream, std::make_shared<Wait>(*this, event.recorded));
    return {};
  }
  if (!event.capture->active) {
    return refused(CUDA_ERROR_CAPTURED_EVENT, "the event was last recorded in a capture that has ended");
  }
  if (!event.capture->valid) return spoilt();
  if (stream == &default_) {
    event.capture->valid = false;
    return refused(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, "the default stream cannot be recorded");
  }
  if (stream->capture != nullptr && stream->capture != event.capture) {
    stream->capture->valid = event.capture->valid = false;
    return refused(CUDA_ERROR_STREAM_CAPTURE_MERGE, "the stream and the event are recorded in two captures");
  }
  stream->capture = event.capture;
  stream->after.insert(event.after.begin(), event.after.end());
  return {};
}

void Streams::fail(Result result) {
  if (failure_.ok()) failure_ = std::move(result);
}

void Streams::run_one(Stream* stream) {
  if (stream->queue.empty()) return;
  const Work work = std::move(stream->queue.front());
  stream->queue.pop_front();
  Result r = work->check(memory_);
  if (r.ok()) r = work->run(memory_);
  if (!r.ok()) fail(std::move(r));
}

void Streams::run(Stream* stream) {
  while (!stream->queue.empty()) run_one(stream);
}

void Streams::run_until(const Moment& moment) {
  while (!moment.reached) run_one(moment.stream);
}

void Streams::run_all() {
  for (Stream* stream : streams_) run(stream);
  run(&default_);
}

Result Streams::take_failure() {
  Result r = memory_.check_all_guards("something that ran since the last check");
  if (!failure_.ok()) r = failure_;
  failure_ = {};
  return r;
}

void Streams::end(Capture& capture) {
  capture.active = false;
  for (Stream* stream : streams_) {
    if (stream->capture.get() != &capture) continue;
    stream->capture = nullptr;
    stream->after.clear();
  }
}

std::set<Capture*> Streams::captures() const {
  std::set<Capture*> all;
  for (const Stream* stream : streams_) {
    if (stream->capture != nullptr) all.insert(stream->capture.get());
  }
  return all;
}

}  // namespace thaw::sim
