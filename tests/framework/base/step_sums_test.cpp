// Gradients of micro batches make those of the whole batch, to the last bit.
#include "framework/base/step_sums.h"

#include <boost/test/unit_test.hpp>

#include "framework/base/rng.h"

using namespace quantdyn;

namespace {

constexpr int64_t size = 5;

/// What a kernel sums for a part of a batch.
template <typename T>
std::vector<T> part(int64_t index) {
  std::vector<T> out;
  for (int64_t k = 0; k < size; ++k)
    out.push_back(static_cast<T>(Rng(3).normal(static_cast<uint64_t>(index * size + k))));
  return out;
}

/// The parts [first, end) of a batch, joined by the fixed tree.
template <typename T>
std::vector<T> sum_of(int64_t first, int64_t end) {
  const auto merge = [](std::vector<T>& left, const std::vector<T>& right) {
    for (size_t k = 0; k < left.size(); ++k) left[k] += right[k];
  };
  ChunkTree<std::vector<T>> tree;
  for (int64_t i = first; i < end; ++i) tree.add(i - first, part<T>(i), merge);
  return tree.finish(merge);
}

/// A weight, summed in float, and a bias, rounded from sums in double.
struct Gradients {
  Tensor<float> weight{Shape{size}}, bias{Shape{size}};

  void add(int64_t first, int64_t end) {
    const std::vector<float> sums = sum_of<float>(first, end);
    for (int64_t k = 0; k < size; ++k) weight[k] += sums[static_cast<size_t>(k)];
    add_gradient(bias, sum_of<double>(first, end));
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(step_sums_test)

BOOST_AUTO_TEST_CASE(aligned_micro_batches_give_the_bits_of_the_whole_batch) {
  for (const int64_t parts : {1, 2, 7, 8, 13, 32}) {
    Gradients whole;
    whole.add(0, parts);
    for (const int64_t micro : {1, 2, 4, 8}) {
      Gradients found;
      StepSums sums({&found.weight, &found.bias}, parts);
      for (int64_t first = 0; first < parts; first += micro) {
        found.add(first, std::min(first + micro, parts));
        sums.add_micro_batch();
        BOOST_TEST(found.weight[0] == 0);
      }
      sums.finish();
      const auto exact = boost::test_tools::per_element();
      BOOST_TEST(found.weight.values() == whole.weight.values(), exact);
      BOOST_TEST(found.bias.values() == whole.bias.values(), exact);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_gradient_that_is_added_to_twice_keeps_both_sums) {
  Gradients found;
  StepSums sums({&found.bias}, 8);
  for (int64_t micro = 0; micro < 2; ++micro) {
    for (int twice = 0; twice < 2; ++twice)
      add_gradient(found.bias, std::vector<double>{1, 2, 3, 4, 5});
    sums.add_micro_batch();
  }
  sums.finish();
  BOOST_TEST(found.bias[4] == 20);
}

BOOST_AUTO_TEST_CASE(the_images_of_a_step_are_those_of_all_its_micro_batches) {
  BOOST_TEST(images_of_step(32) == 32);
  const StepSums sums({}, 256);
  BOOST_TEST(images_of_step(32) == 256);
}

BOOST_AUTO_TEST_SUITE_END()
