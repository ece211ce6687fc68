// Plans of every network file share memory between arrays, and give the bits of plans that share
// none.
#include <boost/test/unit_test.hpp>

#include "tests/experiments/small_nets.h"
#include "tests/layers/plan_comparison.h"

namespace quantdyn::test {
namespace {

constexpr int64_t images = 11;  // a chunk and a part of one

/// What the plans of a net asked for, and how many floats sharing spares.
struct Sharing {
  int64_t plans = 0, shared = 0, apart = 0;
};

/// Every array in memory of its own.
LayoutRule apart(Sharing& sharing) {
  return [&sharing](std::span<const Lifetime> arrays) {
    Layout out;
    for (const Lifetime& array : arrays) {
      out.offsets.push_back(out.floats);
      out.floats += (array.floats + 15) / 16 * 16;
    }
    ++sharing.plans;
    sharing.apart += out.floats;
    sharing.shared += lay_out(arrays).floats;
    return out;
  };
}

bool same_bits(const std::map<std::string, Tensor<float>>& a,
               const std::map<std::string, Tensor<float>>& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) {
    return x.first == y.first && std::ranges::equal(x.second.values(), y.second.values());
  });
}

struct Way {
  Fusing fusing;
  ConvolutionAlgorithm algorithm;
};
constexpr Way ways[] = {{Fusing::unfused, ConvolutionAlgorithm::direct},
                        {Fusing::fused, ConvolutionAlgorithm::direct},
                        {Fusing::fused, ConvolutionAlgorithm::winograd}};

}  // namespace

BOOST_AUTO_TEST_SUITE(memory_test)

BOOST_AUTO_TEST_CASE(a_training_step_has_the_bits_of_one_that_shares_no_memory) {
  for (const Case& c : small_nets)
    for (const auto& [fusing, algorithm] : ways) {
      const Network net = with_values(c);
      const Tensor<float> x = random_tensor(net.input_shape().batch_of(images), Rng(5));
      Sharing sharing;
      const auto expected = training_of(net, fusing, x.view(), algorithm, apart(sharing));
      BOOST_TEST(same_bits(training_of(net, fusing, x.view(), algorithm), expected), c);
      BOOST_TEST(sharing.plans == 1);
      BOOST_TEST(sharing.shared < sharing.apart, c);
    }
}

BOOST_AUTO_TEST_CASE(an_evaluation_has_the_bits_of_one_that_shares_no_memory) {
  for (const Case& c : small_nets)
    for (const auto& [fusing, algorithm] : ways) {
      const Network net = with_values(c);
      const Tensor<float> x = random_tensor(net.input_shape().batch_of(16), Rng(6));
      Sharing sharing;
      const auto expected = taps_of(net, fusing, x.view(), images, algorithm, apart(sharing));
      BOOST_TEST(same_bits(taps_of(net, fusing, x.view(), images, algorithm), expected), c);
      BOOST_TEST(sharing.plans == 1);
      BOOST_TEST(sharing.shared < sharing.apart, c);
    }
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
