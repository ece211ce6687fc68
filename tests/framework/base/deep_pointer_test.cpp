#include "framework/base/deep_pointer.h"

#include <boost/test/unit_test.hpp>
#include <memory>
#include <type_traits>

#include "framework/graph/network.h"

using namespace quantdyn;

namespace {

template <typename Held>
using TargetOf = decltype(*std::declval<Held>().get());

// A const net and a const role hand out nothing that can be changed.
static_assert(std::is_same_v<TargetOf<DeepPointer<int*>&>, int&>);
static_assert(std::is_same_v<TargetOf<const DeepPointer<int*>&>, const int&>);
static_assert(!std::is_copy_constructible_v<Linear<float>>);
static_assert(
    std::is_same_v<decltype(std::declval<const Network&>().layer(0)), const Layer<float>*>);
static_assert(std::is_same_v<decltype(*std::declval<const Layer<float>&>().linear()->weight),
                             const Parameter<float>&>);
static_assert(std::is_same_v<decltype(std::declval<const Network&>().parameters()[0].parameter),
                             const Parameter<float>*>);

}  // namespace

BOOST_AUTO_TEST_SUITE(deep_pointer_test)

BOOST_AUTO_TEST_CASE(a_pointer_reads_and_writes_its_target) {
  int value = 1;
  DeepPointer<int*> pointer(&value);
  *pointer = 2;
  BOOST_TEST(value == 2);
  BOOST_TEST(*std::as_const(pointer) == 2);
  BOOST_TEST(!DeepPointer<int*>());
}

BOOST_AUTO_TEST_CASE(an_owner_moves_its_target_and_lets_go_of_it) {
  DeepPointer<std::unique_ptr<int>> owner(std::make_unique<int>(3));
  DeepPointer<std::unique_ptr<int>> other = std::move(owner);
  BOOST_TEST(*other == 3);
  BOOST_TEST(!owner);
  other = {};
  BOOST_TEST(!other);
}

BOOST_AUTO_TEST_SUITE_END()
