// Philox 4x32-10 over many counters at once: Rng::fill_words.
#include <algorithm>

#include "framework/base/rng.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "framework/base/rng_words.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace quantdyn::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR

/// The halves of the 64-bit products of all lanes.
template <class D, class V>
HWY_INLINE void multiply_wide(D d, V a, V b, V& high, V& low) {
  const hn::RepartitionToWide<D> wide;
  const auto even = hn::MulEven(a, b);
  const auto odd = hn::MulEven(hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, a))), b);
  high = hn::OddEven(hn::BitCast(d, odd), hn::BitCast(d, hn::ShiftRight<32>(even)));
  low = hn::OddEven(hn::BitCast(d, hn::ShiftLeft<32>(odd)), hn::BitCast(d, even));
}

/// Ten rounds (Salmon et al. 2011, section 3.2), a counter in each lane.
template <class D, class V>
HWY_INLINE void philox(D d, uint64_t key, V& c0, V& c1, V& c2, V& c3) {
  auto k0 = static_cast<uint32_t>(key);
  auto k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    V high0, low0, high1, low1;
    multiply_wide(d, c0, hn::Set(d, 0xD2511F53u), high0, low0);
    multiply_wide(d, c2, hn::Set(d, 0xCD9E8D57u), high1, low1);
    c0 = hn::Xor(hn::Xor(high1, c1), hn::Set(d, k0));
    c1 = low1;
    c2 = hn::Xor(hn::Xor(high0, c3), hn::Set(d, k1));
    c3 = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

/// The words of as many whole counters from `index` on as fit into `count` words; how many words.
int64_t fill_blocks(uint64_t key, uint64_t index, uint32_t* HWY_RESTRICT words, int64_t count) {
  const hn::ScalableTag<uint32_t> d;
  const auto step = static_cast<int64_t>(4 * hn::Lanes(d));
  int64_t done = 0;
  for (; done + step <= count; done += step, index += hn::Lanes(d)) {
    const auto low = static_cast<uint32_t>(index);
    if (low > 0xffffffffu - hn::Lanes(d)) break;  // the upper half would change within the vector
    auto c0 = hn::Iota(d, low);
    auto c1 = hn::Set(d, static_cast<uint32_t>(index >> 32));
    auto c2 = hn::Zero(d), c3 = hn::Zero(d);
    philox(d, key, c0, c1, c2, c3);
    hn::StoreInterleaved4(c0, c1, c2, c3, d, words + done);
  }
  return done;
}

#else
int64_t fill_blocks(uint64_t, uint64_t, uint32_t*, int64_t) { return 0; }  // no vectors
#endif

}  // namespace
}  // namespace quantdyn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quantdyn {

HWY_EXPORT(fill_blocks);

void Rng::fill_words(uint64_t first, std::span<uint32_t> out) const {
  size_t done = 0;
  const auto one_by_one = [&](size_t until) {
    for (; done < until; ++done) out[done] = words((first + done) / 4)[(first + done) % 4];
  };
  one_by_one(std::min<size_t>((4 - first % 4) % 4, out.size()));
  while (done < out.size()) {
    done += static_cast<size_t>(HWY_DYNAMIC_DISPATCH(fill_blocks)(
        key_, (first + done) / 4, out.data() + done, static_cast<int64_t>(out.size() - done)));
    one_by_one(std::min(done + 64, out.size()));
  }
}

}  // namespace quantdyn
#endif
