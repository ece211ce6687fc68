#include "framework/base/threads.h"

#include <omp.h>

#include <atomic>
#include <cassert>
#include <exception>
#include <span>

namespace quantdyn {
namespace {
int workers = 1;
void (*meanwhile)() = nullptr;
bool is_descending = false;  // the last alternating walk; results do not depend on it

/// The indices [begin, end) that a worker has left. It takes them in the order of the walk; others
/// take from the far end.
class alignas(64) Range {
 public:
  void set(int64_t begin, int64_t end, bool descending) {
    begin_ = begin;
    end_ = end;
    descending_ = descending;
    left_ = static_cast<uint64_t>(end - begin);
  }
  /// Returns false if none is left.
  bool take_next(int64_t& index) { return take(uint64_t{1} << half, index); }
  bool take_last(int64_t& index) { return take(0, index); }

 private:
  static constexpr int half = 32;

  /// `step`: what it adds to left_, 0 where the last one is taken.
  bool take(uint64_t step, int64_t& index) {
    uint64_t left = left_.load(std::memory_order_relaxed);
    for (;;) {
      const uint64_t first = left >> half, end = left & 0xFFFFFFFF;
      if (first == end) return false;
      const uint64_t place = step ? first : end - 1;
      if (!left_.compare_exchange_weak(left, step ? left + step : left - 1,
                                       std::memory_order_relaxed))
        continue;
      const auto offset = static_cast<int64_t>(place);
      index = descending_ ? end_ - 1 - offset : begin_ + offset;
      return true;
    }
  }

  int64_t begin_ = 0, end_ = 0;
  bool descending_ = false;
  std::atomic<uint64_t> left_ = 0;  // places in the walk: the first and, lower half, the end
};

/// Runs a worker's own indices, then those that others have left; on an exception gives the index
/// it happened at.
void run_indices(std::span<Range> ranges, int worker, const std::function<void(int64_t, int)>& work,
                 int64_t& at) {
  const auto work_on_it = [&] {
    work(at, worker);
    if (worker == 0 && meanwhile) meanwhile();
  };
  while (ranges[static_cast<size_t>(worker)].take_next(at)) work_on_it();
  for (size_t i = 1; i < ranges.size(); ++i)
    while (ranges[(static_cast<size_t>(worker) + i) % ranges.size()].take_last(at)) work_on_it();
}

}  // namespace

int worker_count() { return workers; }

void set_meanwhile(void (*call)()) { meanwhile = call; }

void set_worker_count(int n) {
  workers = n;
  omp_set_dynamic(0);
  omp_set_num_threads(n);
}

void parallel_for(int64_t count, const std::function<void(int64_t, int)>& work, Walk walk) {
  const bool is_inside = omp_in_parallel();
  if (walk == Walk::alternating && !is_inside) is_descending = !is_descending;
  const bool descending = walk == Walk::alternating && is_descending;
  if (is_inside || workers == 1 || count == 1) {
    for (int64_t i = 0; i < count; ++i) {
      work(descending ? count - 1 - i : i, is_inside ? omp_get_thread_num() : 0);
      if (!is_inside && meanwhile) meanwhile();
    }
    return;
  }
  assert(count < int64_t{1} << 32);
  std::vector<Range> ranges(static_cast<size_t>(workers));  // also where the system gives fewer
  for (int64_t w = 0; w < workers; ++w)
    ranges[static_cast<size_t>(w)].set(count * w / workers, count * (w + 1) / workers, descending);
  std::vector<std::pair<int64_t, std::exception_ptr>> failures(static_cast<size_t>(workers),
                                                               {count, nullptr});
#pragma omp parallel num_threads(workers)
  {
    const int worker = omp_get_thread_num();
    int64_t at = 0;
    try {
      run_indices(ranges, worker, work, at);
    } catch (...) {
      failures[static_cast<size_t>(worker)] = {at, std::current_exception()};
    }
  }
  std::ranges::sort(failures, {}, [](const auto& failure) { return failure.first; });
  for (const auto& [index, failure] : failures)
    if (failure) std::rethrow_exception(failure);
}

void parallel_chunks(int64_t images, const std::function<void(const Chunk&)>& work) {
  parallel_for(
      chunk_count(images),
      [&](int64_t index, int worker) {
        const int64_t first = index * images_per_chunk;
        work({index, first, std::min(images_per_chunk, images - first), worker});
      },
      Walk::alternating);
}

}  // namespace quantdyn
