// Memory that a kernel reads or writes soon, fetched into the cache while it computes.
#pragma once

#include <cstdint>

namespace quantdyn {

/// Two streams of cache lines. A kernel that computes in registers fetches some lines of each at
/// every step, so that the next pass over that memory does not wait for it. Results do not depend
/// on it.
struct FetchAhead {
  struct Stream {
    static constexpr uintptr_t line = 64;  // bytes

    // As numbers: what lies behind an array may be fetched, but no pointer to it may be made.
    uintptr_t at;
    uintptr_t last;    // its last line, which is fetched again when there are no more
    int64_t pace = 1;  // lines for each vector of results, where a kernel reads it

    /// Inlined into code for any instruction set.
    template <int lines = 1>
    [[gnu::always_inline]] void fetch() {
#pragma GCC unroll 8
      for (uintptr_t i = 0; i < lines; ++i)  // into L2: what is worked on stays in L1
        __builtin_prefetch(reinterpret_cast<const void*>(at + i * line), 0, 2);
      at = at < last ? at + lines * line : last;
    }
    template <int vectors>
    [[gnu::always_inline]] void fetch_at_pace() {
      for (int64_t i = 0; i < pace; ++i) fetch<vectors>();
    }
  };

  /// Nothing but a line that is read anyway.
  explicit FetchAhead(const float* read)
      : first{address(read), address(read)}, second{address(read), address(read)} {}

  /// Of `floats` values; with none, or from null, the stream stays as it is.
  static void set(Stream& stream, const float* from, int64_t floats, int64_t pace = 1) {
    if (from == nullptr || floats <= 0) return;
    const auto bytes = static_cast<uintptr_t>(floats - 1) * sizeof(float);
    stream = {address(from), address(from) + bytes / Stream::line * Stream::line, pace};
  }

  Stream first, second;

 private:
  static uintptr_t address(const float* values) { return reinterpret_cast<uintptr_t>(values); }
};

}  // namespace quantdyn
