#include <boost/test/unit_test.hpp>

#include "tests/data/test_files.h"

using namespace quantdyn;

namespace {

const std::string inner = "{name: synthetic, train_images: 3, test_images: 2}";

}  // namespace

BOOST_AUTO_TEST_SUITE(unlabelled)

BOOST_AUTO_TEST_CASE(images_stay_and_labels_and_classes_go) {
  const auto data = make_dataset("{name: unlabelled, of: " + inner + "}", {});
  const auto labelled = make_dataset(inner, {});
  BOOST_TEST(data->train->size() == 3);
  BOOST_TEST(data->test->size() == 2);
  BOOST_TEST(data->train->classes() == 0);
  BOOST_TEST((data->train->sample_shape() == labelled->train->sample_shape()));
  BOOST_TEST(image_of(*data->test, 1) == image_of(*labelled->test, 1));
  std::vector<float> x(static_cast<size_t>(data->test->sample_shape().elements()));
  BOOST_TEST(data->test->get(1, x.data()) == -1);
  BOOST_TEST(data->test->name() == labelled->test->name() + " without labels");
  BOOST_TEST(data->test->sha256() == labelled->test->sha256());
}

BOOST_AUTO_TEST_CASE(a_resized_dataset_stays_without_labels) {
  const auto data = make_dataset(
      "{name: resize, of: {name: unlabelled, of: " + inner + "}, height: 8, width: 8}", {});
  BOOST_TEST(data->train->classes() == 0);
}

BOOST_AUTO_TEST_CASE(the_inner_dataset_is_required_and_its_errors_come_through) {
  BOOST_TEST(contains(refusal("{name: unlabelled}", {}), "of: missing"));
  BOOST_TEST(contains(refusal("{name: unlabelled, of: nothing}", {}), "unknown name 'nothing'"));
  BOOST_TEST(contains(refusal("{name: unlabelled, of: " + inner + ", classes: 2}", {}),
                      "classes: unknown key"));
}

BOOST_AUTO_TEST_SUITE_END()
